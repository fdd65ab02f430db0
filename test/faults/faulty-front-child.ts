/** Thread file of a front that can be told to fail. */
import { workerData } from 'node:worker_threads';
import type { ThreadSettings } from '#workers/control.js';
import { runFront } from '#workers/run-front.js';
import { hearFaults, throwSoon } from './fault-channel.js';

const { index } = workerData as ThreadSettings;

runFront();
hearFaults(
  (fault) => fault.kind === 'front throws' && fault.front === index,
  () => throwSoon('planted: the front throws'),
);
