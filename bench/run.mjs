/** Entry of `npm run bench`: prepares the clone like every other command. */
import { launch } from '../cli/launch/prepare.mjs';

await launch('bench/main.js');
