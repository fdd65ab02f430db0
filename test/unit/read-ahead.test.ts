import { describe, expect, it } from 'vitest';
import type { Change } from '#src/entities/entity.js';
import type { ChangeSource } from '#src/storage/tiers/ports.js';
import { ReadAhead } from '#src/storage/tiers/read-ahead.js';

type Page = Parameters<Parameters<ChangeSource['walk']>[1]>[0];
type Read = Parameters<Parameters<ChangeSource['read']>[1]>[0];

/** Answers when it is told to. */
class SlowSource implements ChangeSource {
  readonly name = 'log/0';
  readonly walked: Array<{ cursor: string | undefined; done: (page: Page) => void }> = [];
  readonly reads: Array<{ after: number; done: (read: Read) => void }> = [];

  head(done: Parameters<ChangeSource['head']>[0]): void {
    done({ kind: 'head', head: 9 });
  }

  read({ after }: { after: number }, done: (read: Read) => void): void {
    this.reads.push({ after, done });
  }

  walk({ cursor }: { cursor: string | undefined }, done: (page: Page) => void): void {
    this.walked.push({ cursor, done });
  }
}

const changes: readonly Change[] = [];
const page = (next: string | undefined): Page => ({ kind: 'page', changes, next });
const read = (to: number, isAll: boolean): Read => ({ kind: 'changes', changes, to, isAll });
const failed: Page & Read = { kind: 'failed', message: 'no connection', cause: 'connection' } as never;

function begin() {
  const source = new SlowSource();
  return { source, ahead: new ReadAhead(source), heard: [] as Array<Page | Read> };
}

describe('reading ahead for a mirror (T2)', () => {
  it('asks for the next page before it is wanted, and once, from the second one on', () => {
    const { source, ahead, heard } = begin();
    ahead.walk({ cursor: undefined, limit: 5 }, (result) => heard.push(result));
    source.walked[0]?.done(page('a'));
    expect(source.walked).toHaveLength(1);
    ahead.walk({ cursor: 'a', limit: 5 }, (result) => heard.push(result));
    source.walked[1]?.done(page('b'));
    expect(source.walked.map(({ cursor }) => cursor)).toEqual([undefined, 'a', 'b']);
    ahead.walk({ cursor: 'b', limit: 5 }, (result) => heard.push(result));
    expect(heard).toEqual([page('a'), page('b')]);
    source.walked[2]?.done(page('c'));
    expect(heard).toEqual([page('a'), page('b'), page('c')]);
    source.walked[3]?.done(page(undefined));
    ahead.walk({ cursor: 'c', limit: 5 }, (result) => heard.push(result));
    expect(heard.at(-1)).toEqual(page(undefined));
    expect(source.walked).toHaveLength(4);
  });

  it('forgets what it holds when a walk begins anew, whose head is another', () => {
    const { source, ahead, heard } = begin();
    for (const cursor of [undefined, 'a']) ahead.walk({ cursor, limit: 5 }, () => {});
    source.walked[1]?.done(page('b'));
    for (const cursor of [undefined, 'b']) ahead.walk({ cursor, limit: 5 }, (result) => heard.push(result));
    source.walked.at(-1)?.done(page('new'));
    expect(heard).toEqual([page('new')]);
  });

  it('reads no further while the same page is asked for again and again', () => {
    const { source, ahead } = begin();
    for (const after of [0, 3, 3, 3]) {
      ahead.read({ after, limit: 5 }, () => {});
      source.reads.at(-1)?.done(read(after + 3, false));
    }
    expect(source.reads.map(({ after }) => after)).toEqual([0, 3, 6, 3, 3]);
  });

  it('asks again what failed, or was all that there was a moment ago', () => {
    const { source, ahead, heard } = begin();
    ahead.read({ after: 0, limit: 5 }, () => {});
    source.reads[0]?.done(read(3, false));
    ahead.read({ after: 3, limit: 5 }, () => {});
    source.reads[1]?.done(read(6, false));
    source.reads[2]?.done(failed);
    ahead.read({ after: 6, limit: 5 }, (result) => heard.push(result));
    source.reads[3]?.done(read(9, false));
    source.reads[4]?.done(read(10, true));
    ahead.read({ after: 9, limit: 5 }, (result) => heard.push(result));
    expect(heard).toEqual([read(9, false)]);
    source.reads[5]?.done(read(11, true));
    expect(heard).toEqual([read(9, false), read(11, true)]);
    expect(source.reads.map(({ after }) => after)).toEqual([0, 3, 6, 6, 9, 9]);
  });
});
