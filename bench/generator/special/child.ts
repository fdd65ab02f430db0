/** The process of the special load: plays the one task that it is sent, and ends. */
import { playChanges } from './plays/changes.js';
import { playConnect } from './plays/connect.js';
import { playFill } from './plays/fill.js';
import { playHistory } from './plays/history.js';
import { playHold } from './plays/hold.js';
import { playPresence } from './plays/presence.js';
import { playRest } from './plays/rest.js';
import { playSlow } from './plays/slow.js';
import { playSoak } from './plays/soak.js';
import { playStorm } from './plays/storm.js';
import { createStage, type Stage } from './stage.js';
import type { FromChild, Reports, Task, ToChild } from './tasks.js';

function play(task: Task, stage: Stage): Promise<Reports[Task['kind']]> {
  switch (task.kind) {
    case 'connect':
      return playConnect(task, stage);
    case 'hold':
      return playHold(task, stage);
    case 'storm':
      return playStorm(task, stage);
    case 'fill':
      return playFill(task, stage);
    case 'history':
      return playHistory(task, stage);
    case 'slow':
      return playSlow(task, stage);
    case 'presence':
      return playPresence(task, stage);
    case 'changes':
      return playChanges(task, stage);
    case 'rest':
      return playRest(task, stage);
    case 'soak':
      return playSoak(task, stage);
  }
}

function send(message: FromChild): void {
  process.send?.(message);
}

const stage = createStage(send);

/** Says the last thing, and ends once it was heard. */
function end(message: FromChild): void {
  process.send?.(message, () => process.exit(message.kind === 'failed' ? 1 : 0));
}

function fail(error: unknown): void {
  end({ kind: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

process.on('message', (message: ToChild) => {
  if (message.kind === 'go') stage.go();
  else if (message.kind === 'stop') stage.stop();
  else play(message.task, stage).then((report) => end({ kind: 'done', report }), fail);
});
process.on('uncaughtException', fail);
// Whoever asked is gone: so is the reason to go on.
process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches the whole group: the parent decides what becomes of it.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
