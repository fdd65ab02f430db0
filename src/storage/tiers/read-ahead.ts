/** Reads the next page of a source while the last one is on its way to a mirror: a mirror is filled a third sooner. */
import type { ChangeSource } from './ports.js';

type Done<Kind extends 'read' | 'walk'> = Parameters<ChangeSource[Kind]>[1];
type Result<Kind extends 'read' | 'walk'> = Parameters<Done<Kind>>[0];

/** For one reader, who asks for one page at a time: from the second one after another on. It holds one page at most. */
export class ReadAhead implements ChangeSource {
  private readonly source: ChangeSource;
  private readonly reads = new NextPage<number, Result<'read'>>();
  private readonly walks = new NextPage<string, Result<'walk'>>();

  constructor(source: ChangeSource) {
    this.source = source;
  }

  get name(): string {
    return this.source.name;
  }

  head(done: Parameters<ChangeSource['head']>[0]): void {
    this.source.head(done);
  }

  read({ after, limit }: Parameters<ChangeSource['read']>[0], done: Done<'read'>): void {
    const isNext = this.reads.isExpected(after);
    const ask = (answer: Done<'read'>) => this.source.read({ after, limit }, answer);
    const goOn: Done<'read'> = (result) => {
      done(result);
      if (result.kind !== 'changes' || result.isAll) return;
      this.reads.expect(result.to);
      if (isNext)
        this.reads.prepare(result.to, (answer) => this.source.read({ after: result.to, limit }, answer));
    };
    this.reads.take(after, (result) => {
      // That this was all is true of the moment it was read only, which is before it was asked for.
      if (result === undefined || result.kind === 'failed' || result.isAll) ask(goOn);
      else goOn(result);
    });
  }

  walk({ cursor, limit }: Parameters<ChangeSource['walk']>[0], done: Done<'walk'>): void {
    const isNext = this.walks.isExpected(cursor);
    const goOn: Done<'walk'> = (result) => {
      done(result);
      if (result.kind !== 'page' || result.next === undefined) return;
      const { next } = result;
      this.walks.expect(next);
      if (isNext) this.walks.prepare(next, (answer) => this.source.walk({ cursor: next, limit }, answer));
    };
    // Who begins anew has fixed another head, and needs pages from after it.
    this.walks.take(cursor, (result) => {
      if (result === undefined || result.kind === 'failed') this.source.walk({ cursor, limit }, goOn);
      else goOn(result);
    });
  }
}

class NextPage<Key, Page> {
  private expected: Key | undefined;
  private held: { readonly key: Key; page?: Page; waiting?: (page: Page) => void } | undefined;

  /** Asked again, or anew, is not asked for the next: as long as a mirror is away the same page is read for each try. */
  isExpected(key: Key | undefined): boolean {
    return key !== undefined && key === this.expected;
  }

  expect(key: Key): void {
    this.expected = key;
  }

  prepare(key: Key, ask: (done: (page: Page) => void) => void): void {
    const held: NonNullable<typeof this.held> = { key };
    this.held = held;
    ask((page) => {
      if (held.waiting === undefined) held.page = page;
      else held.waiting(page);
    });
  }

  /** @param then with what was prepared for this key, or at once with undefined when something else was, or nothing */
  take(key: Key | undefined, then: (page: Page | undefined) => void): void {
    const { held } = this;
    this.held = undefined;
    if (held === undefined || held.key !== key) then(undefined);
    else if (held.page === undefined) held.waiting = then;
    else then(held.page);
  }
}
