/** Thread file of a shard. */
import { runShard } from './run-shard.js';

runShard();
