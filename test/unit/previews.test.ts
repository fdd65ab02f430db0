import { expect, test } from 'vitest';
import { DirtyProgress } from '#actors/postgres-writer/progress.js';
import type { LogEvent } from '#src/wire/events.js';
import { Script } from '../support/log-events.js';

/** What would be written of the one conversation after each of these turns. */
function headsAfter(...turns: ReadonlyArray<readonly LogEvent[]>) {
  const progress = new DirtyProgress();
  for (const events of turns) progress.onCommitted(events[0]?.conv ?? '', events);
  return progress.take(1).heads.map(({ preview, messageSeq }) => ({ preview, messageSeq }));
}

test('T12 a preview follows its message, and no older one', () => {
  const script = new Script();
  const [older, last] = [script.message('older'), script.message('secret')];
  const sent = [older, last];
  expect(headsAfter(sent)).toEqual([{ preview: 'secret', messageSeq: last.seq }]);
  expect(headsAfter(sent, [script.edit(older, 'other')])).toEqual([
    { preview: 'secret', messageSeq: last.seq },
  ]);
  const edit = script.edit(last, 'mended');
  expect(headsAfter(sent, [edit])).toEqual([{ preview: 'mended', messageSeq: last.seq }]);
  const gone = script.delete(last);
  expect(headsAfter(sent, [edit, gone, script.react(older, '👍')])).toEqual([
    { preview: null, messageSeq: last.seq },
  ]);
  // The message itself was written before: the store knows whether it is the last one.
  expect(headsAfter([gone])).toEqual([{ preview: null, messageSeq: last.seq }]);
  expect(headsAfter([script.react(older, '🎉')])).toEqual([{ preview: '', messageSeq: undefined }]);
});

test('T12 what could not be written does not bring back what was deleted meanwhile', () => {
  const script = new Script();
  const said = script.message('secret');
  const progress = new DirtyProgress();
  progress.onCommitted(script.conv, [said]);
  const lost = progress.take(1);
  progress.onCommitted(script.conv, [script.delete(said)]);
  progress.restore(lost);
  expect(progress.take(2).heads).toMatchObject([{ preview: null, seq: script.seq }]);
  progress.onCommitted(script.conv, [script.react(said, '👍')]);
  progress.restore(lost);
  expect(progress.take(3).heads).toMatchObject([{ preview: 'secret', seq: script.seq }]);
});
