/** Entry of `npm test`, `npm run proof` and `npm run sim`: prepares the clone like every other command. */
import { launch } from '../cli/launch/prepare.mjs';

const modules = { test: 'test/run/all.js', proof: 'test/proof/main.js', sim: 'test/sim/main.js' };
const [what] = process.argv.splice(2, 1);

if (what in modules) await launch(modules[what]);
else throw new Error(`node test/run.mjs ${Object.keys(modules).join('|')}`);
