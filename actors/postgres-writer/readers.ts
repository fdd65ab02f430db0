/**
 * Reads that must not overtake the writer: loads wait at the barrier until nothing of their conversation is queued
 * or in flight; lookups of ids are gathered while one is under way. Nothing is read before the epoch is ours: what
 * the last owner left in flight may still be committed until then (L2).
 */
import type { ActorContext } from '#src/runtime/actor.js';
import type { ConversationSnapshot, Failed, Found } from '#src/storage/ports.js';
import type { WriterMessage } from '../messages.js';
import type { Ledger } from './ledger.js';
import type { WriterPorts } from './ports.js';

export class Readers {
  private readonly context: ActorContext<WriterMessage>;
  private readonly ports: WriterPorts;
  private readonly ledger: Ledger;
  private readonly atBarrier = new Set<string>();
  /** The newest load of each conversation: an older one was for an instance that has gone. */
  private readonly newest = new Map<string, { load: number; asker: object | undefined }>();
  private loads = 0;
  private lookups = new Map<string, string[]>();
  private isLookingUp = false;
  private isOpen = false;

  constructor(context: ActorContext<WriterMessage>, ports: WriterPorts, ledger: Ledger) {
    this.context = context;
    this.ports = ports;
    this.ledger = ledger;
  }

  /** The epoch is ours for the first time. */
  open(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    for (const conv of [...this.atBarrier]) this.onFree(conv);
    this.startLookup();
  }

  load(conv: string, asker?: object): void {
    this.loads += 1;
    this.newest.set(conv, { load: this.loads, asker });
    if (this.isOpen && this.ledger.isFree(conv)) this.read(conv, this.loads);
    else this.atBarrier.add(conv);
  }

  /** Nothing of the conversation is owed any more. */
  onFree(conv: string): void {
    if (this.atBarrier.delete(conv)) this.load(conv, this.newest.get(conv)?.asker);
  }

  forget(conv: string): void {
    this.atBarrier.delete(conv);
    this.newest.delete(conv);
    this.ledger.forget(conv);
  }

  onLoadDone(
    conv: string,
    load: number,
    result: { kind: 'loaded'; snapshot: ConversationSnapshot } | Failed,
  ): void {
    const newest = this.newest.get(conv);
    if (newest?.load !== load) return;
    this.newest.delete(conv);
    const asker = newest.asker === undefined ? {} : { asker: newest.asker };
    if (result.kind === 'failed') {
      this.ports.tellConversation(conv, { kind: 'load failed', message: result.message, ...asker });
      return;
    }
    this.ledger.begin(conv, result.snapshot.head);
    this.ports.tellConversation(conv, { kind: 'loaded', snapshot: result.snapshot, ...asker });
  }

  private read(conv: string, load: number): void {
    this.ports.store.load(conv, (result) => this.context.tellSelf({ kind: 'load done', conv, load, result }));
  }

  lookup(conv: string, ids: readonly string[]): void {
    const asked = this.lookups.get(conv);
    if (asked === undefined) this.lookups.set(conv, [...ids]);
    else asked.push(...ids);
    this.startLookup();
  }

  onLookupDone(asked: Map<string, string[]>, result: Found | Failed): void {
    this.isLookingUp = false;
    const failed = result.kind === 'failed';
    const stored = new Map(failed ? [] : result.operations.map((operation) => [operation.id, operation]));
    const horizon = failed || result.horizon === undefined ? {} : { horizon: result.horizon };
    for (const [conv, ids] of asked) {
      const found = ids.map((id) => stored.get(id)).filter((operation) => operation !== undefined);
      this.ports.tellConversation(conv, { kind: 'looked up', ids, found, failed, ...horizon });
    }
    this.startLookup();
  }

  private startLookup(): void {
    if (!this.isOpen || this.isLookingUp || this.lookups.size === 0) return;
    this.isLookingUp = true;
    const asked = this.lookups;
    this.lookups = new Map();
    const ids = [...new Set([...asked.values()].flat())];
    this.ports.store.lookup(ids, (result) => this.context.tellSelf({ kind: 'lookup done', asked, result }));
  }
}
