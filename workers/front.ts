/** Thread file of a front. */
import { runFront } from './run-front.js';

runFront();
