/** What processes use, as the bench sees it: against what they say of themselves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import {
  cpuSecondsOf,
  cpuSecondsOfTree,
  memoryBytesOf,
  memoryBytesOfTree,
} from '#bench/targets/processes.js';

const isLinux = process.platform === 'linux';
const mebibyte = 1024 * 1024;

/** Burns half a second of CPU in a grandchild that has ended when the child says so, and holds 50 MB. */
const program = `
const { spawnSync } = require('node:child_process');
spawnSync(process.execPath, ['-e', 'const end = process.cpuUsage; while (end().user < 500_000);']);
globalThis.held = Buffer.alloc(50 * 1024 * 1024, 1);
console.log('ready');
setInterval(() => {}, 1000);
`;

test.runIf(isLinux)('CPU and memory of a process, and of its tree with those that have ended', async () => {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    expect(cpuSecondsOfTree(pid) - cpuSecondsOf(pid)).toBeGreaterThan(0.45);
    expect(cpuSecondsOfTree(process.pid)).toBeGreaterThan(cpuSecondsOf(process.pid));
    expect(memoryBytesOf(pid)).toBeGreaterThan(50 * mebibyte);
    expect(memoryBytesOf(pid)).toBeLessThan(200 * mebibyte);
    expect(memoryBytesOfTree(process.pid)).toBeGreaterThan(memoryBytesOf(pid));
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  expect(memoryBytesOf(child.pid ?? 0)).toBeNaN();
  expect(cpuSecondsOfTree(child.pid ?? 0)).toBeNaN();
});
