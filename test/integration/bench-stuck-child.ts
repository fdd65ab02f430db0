/** A bench that was told to end and can't: what it started does not stop. */
import { Interrupt } from '#bench/run/interrupt.js';
import { Pool } from '#bench/run/pool.js';

const interrupt = new Interrupt();
const pool = new Pool();
await pool.start({
  name: 'stuck',
  async start(folder) {
    process.stdout.write(`runs in ${folder}\n`);
    return {
      ...{ address: { host: '127.0.0.1', port: 1 }, version: 'none' },
      ...{ cpu: () => ({ server: 0, database: 0 }), memory: () => ({ server: 0, database: 0 }) },
      counters: () => Promise.resolve({}),
      populate: () => Promise.reject(new Error('It is stuck.')),
      stop: () => new Promise(() => {}),
    };
  },
});
interrupt.signal.addEventListener('abort', () => void pool.end());
setInterval(() => {}, 1_000);
