#!/usr/bin/env node
/** The nubo command. Plain JavaScript that needs nothing installed: it installs and builds what it needs. */
import { launch } from './launch/prepare.mjs';

await launch('cli/main.js');
