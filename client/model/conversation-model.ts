/**
 * What a device knows of one conversation: pure, without a connection. It is fed with two things:
 *   apply      the stream of a subscription: every event after `have`, once and in order
 *   applyPage  pages of history, in any order and whenever they arrive
 * and everything in it is as of `have`, whichever way it came (C6, C9): of a page only the messages are taken, each with
 * what had become of it when the page was read; what became of it since comes by the stream, and counts only above the
 * version that the page told.
 */
import { applyToFacts, type Facts, factsOf, type KnownMember, nothing } from '#src/storage/facts.js';
import type { ConversationInfo } from '#src/storage/ports.js';
import type { UnknownEvent } from '#src/wire/codec.js';
import type { LogEvent, MessageChange } from '#src/wire/events.js';
import { canonicalJson } from './canonical.js';
import { LateChanges } from './late-changes.js';
import { asParent, type ShownMessage, versionOf, withChange } from './message.js';
import { Parents } from './parents.js';
import { type Range, Ranges } from './ranges.js';

/** An answer to `history`, and what was asked for. */
export interface Page {
  readonly events: ReadonlyArray<LogEvent | UnknownEvent>;
  /** The head when it was read: the answer says it. */
  readonly head: number;
  /** One of them, or none for the newest page. */
  readonly asked: {
    readonly before?: number | undefined;
    readonly after?: number | undefined;
    readonly around?: number | undefined;
  };
}

export class ConversationModel {
  readonly conv: string;
  /** Whose reactions are `mine`. */
  readonly user: string;
  /** The last seq of the stream: everything here is as of it. */
  have: number;
  private readonly byId = new Map<string, ShownMessage>();
  /** Events about members and the conversation, by seq. */
  private readonly notes = new Map<number, LogEvent>();
  private readonly ranges = new Ranges();
  private readonly late = new LateChanges();
  private readonly parents = new Parents();
  /** Replies that came without what they reply to. */
  private readonly bare = new Map<string, number>();
  private facts: { readonly facts: Facts; upTo: number } | undefined;
  private shown: ShownMessage[] | undefined;

  /** @param have the stream begins after this seq: 0 for all of it */
  constructor({ conv, user, have = 0 }: { conv: string; user: string; have?: number }) {
    this.conv = conv;
    this.user = user;
    this.have = have;
  }

  /** Forgets everything: from now on the stream begins after `have`, with what was in between not heard. */
  begin(have: number): void {
    this.have = have;
    for (const part of [this.byId, this.notes, this.ranges, this.late, this.parents, this.bare]) part.clear();
    this.facts = undefined;
    this.shown = undefined;
  }

  /**
   * The next event of the stream; one that was here already is left out.
   * @throws RangeError when it is not the next one
   */
  apply(event: LogEvent | UnknownEvent): void {
    if (event.seq <= this.have) return;
    if (event.seq !== this.have + 1)
      throw new RangeError(`event ${event.seq} of ${this.conv} does not follow ${this.have}`);
    this.have = event.seq;
    this.ranges.add(event.seq, event.seq);
    if (event.ev === 'unknown') return;
    if (event.ev === 'message.new') this.adopt(event, event.parent === undefined ? undefined : event.seq);
    else if ('message' in event) this.change(event);
    else this.notes.set(event.seq, event);
  }

  /** Takes a page. false: too much has changed since it was read; ask for it again. */
  applyPage({ events, head, asked }: Page): boolean {
    if (head < this.late.floor) return false;
    for (const event of events) {
      // What is beyond the stream comes by the stream.
      if (event.seq > this.have || event.ev === 'unknown') continue;
      if (event.ev === 'message.new') this.adopt(event, head);
      else if (!('message' in event)) this.notes.set(event.seq, event);
    }
    const [low, high] = reachOf({ events, head, asked });
    this.ranges.add(low, Math.min(high, this.have));
    return true;
  }

  /** The messages that are here, in order; what is deleted keeps its place and says nothing. */
  get messages(): readonly ShownMessage[] {
    this.shown ??= [...this.byId.values()]
      .sort((one, other) => one.seq - other.seq)
      .map((message) => this.show(message));
    return this.shown;
  }

  message(id: string): ShownMessage | undefined {
    const message = this.byId.get(id);
    return message && this.show(message);
  }

  /** Of the messages that are here, the one that was pinned first first. */
  get pinned(): readonly ShownMessage[] {
    const pins = this.messages.filter(({ state }) => state?.pinnedAt !== undefined);
    return pins.sort((one, other) => (one.state?.pinnedAt ?? 0) - (other.state?.pinnedAt ?? 0));
  }

  /** What is here of the log, as ranges of seqs whose ends belong to them. */
  get loaded(): readonly Range[] {
    return this.ranges.all;
  }

  /** The conversation; undefined as long as not all of its log is here, or its beginning is gone. */
  get info(): ConversationInfo | undefined {
    return this.known?.info;
  }

  /** As `info`: with roles, nicknames and mutes, by user. */
  get members(): ReadonlyMap<string, KnownMember> | undefined {
    return this.known?.members;
  }

  /** As `info`: until when (Unix ms, Infinity: until it is taken back) who may not come back. */
  get bans(): ReadonlyMap<string, number> | undefined {
    return this.known?.bans;
  }

  /** Seqs of replies whose parents nobody has told: pages tell them. */
  get repliesWithoutParent(): number[] {
    for (const [id] of this.bare) {
      const replyTo = this.byId.get(id)?.replyTo;
      if (replyTo === undefined || this.byId.has(replyTo) || this.parents.has(replyTo)) this.bare.delete(id);
    }
    return [...this.bare.values()];
  }

  /**
   * All that is shown, as one text: equal for equal contents.
   * @param within only what is in these ranges, and nothing of members when they are not all of the log
   */
  canonical(within: readonly Range[] = this.loaded): string {
    const isWithin = ({ seq }: ShownMessage): boolean =>
      within.some(([from, to]) => from <= seq && seq <= to);
    const [first] = within;
    const known = first?.[0] === 1 && first[1] >= this.have ? this.known : undefined;
    return canonicalJson({
      ...{ conv: this.conv, have: this.have, within, messages: this.messages.filter(isWithin) },
      ...{ info: known?.info, members: known && byUser(known.members) },
      ...{ bans: known && byUser(known.bans), mutesOfAbsent: known && byUser(known.mutesOfAbsent) },
    });
  }

  private show(message: ShownMessage): ShownMessage {
    const { replyTo } = message;
    if (replyTo === undefined) return message;
    const here = this.byId.get(replyTo);
    const parent = here === undefined ? this.parents.get(replyTo) : asParent(here);
    return parent === undefined ? message : { ...message, parent };
  }

  /** @param asOf the head when its page was read; undefined: nobody looked for what it replies to */
  private adopt({ parent, ...told }: ShownMessage, asOf: number | undefined): void {
    const { id, replyTo } = told;
    const known = this.byId.get(id);
    let message: ShownMessage = known !== undefined && versionOf(known) >= versionOf(told) ? known : told;
    for (const change of this.late.of(id)) message = withChange(message, change, this.user);
    this.byId.set(id, message);
    this.shown = undefined;
    if (replyTo === undefined) return;
    if (asOf === undefined) this.bare.set(id, told.seq);
    else this.parents.tell(replyTo, { parent, asOf }, this.late.of(replyTo));
  }

  private change(event: MessageChange): void {
    this.parents.apply(event);
    this.shown = undefined;
    const message = this.byId.get(event.message);
    if (message === undefined) return this.late.add(event);
    this.byId.set(event.message, withChange(message, event, this.user));
    if (event.ev === 'message.delete') this.late.forgetContents(event.message);
  }

  /** Folded from the first event on, as far as the stream has come. */
  private get known(): Facts | undefined {
    if (this.ranges.at(1)?.[1] !== this.have) return undefined;
    this.facts ??= { facts: factsOf({ info: undefined, members: [], standing: nothing }), upTo: 0 };
    const { facts, upTo } = this.facts;
    if (upTo < this.have) {
      const due = [...this.notes.values()].filter(({ seq }) => seq > upTo);
      due.sort((one, other) => one.seq - other.seq);
      for (const event of due) applyToFacts(facts, event);
      this.facts.upTo = this.have;
    }
    return facts.info === undefined ? undefined : facts;
  }
}

/** From which seq to which a page says all there is: what lacks in between has left the log. */
function reachOf({ events, head, asked: { before, after, around } }: Page): Range {
  const [first, last] = [events[0]?.seq, events.at(-1)?.seq];
  if (around !== undefined) return [first ?? 1, last ?? 0];
  if (after !== undefined) return [after + 1, last ?? head];
  return [first ?? 1, before === undefined ? head : before - 1];
}

function byUser<Value>(map: ReadonlyMap<string, Value>): Array<[string, Value]> {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}
