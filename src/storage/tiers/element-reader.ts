/**
 * Elements by id, from the fastest tier that is known to have all that was acked before (R5): memory or Redis, Mongo,
 * Postgres. What a slower one had is told to the faster ones. A tier that fails or does not answer in time is passed by
 * and left alone for a moment: it delays a read, and never fails one.
 */
import { LRUCache } from 'lru-cache';
import type { Entity } from '../../entities/entity.js';
import { nodeRuntimePorts } from '../../runtime/node-ports.js';
import type { ChangeStamps } from './change-stamps.js';
import { askPatiently } from './patience.js';
import type { Element, Tier, TierName } from './ports.js';
import type { Answerer } from './tiered-log.js';

/** How long a tier that failed is left alone. */
const restMs = 1_000;
/** Ids that nobody has are remembered: so many, and so long, whatever the stamps say. */
const absentMax = 10_000;
const absentMs = 5_000;

const { timers } = nodeRuntimePorts();

export interface ElementReaderPorts {
  /** The fastest first. */
  readonly tiers: readonly Tier[];
  /** Everything that was settled before this time (of the clock of the stamps) is in the tier. */
  freshUntil(tier: Tier): number;
  /** From Postgres, in the order of `ids`: the truth. */
  load(entity: Entity, ids: readonly string[]): Promise<Array<Element | undefined>>;
  readonly stamps: ChangeStamps;
  /** For metrics: how many elements a tier was asked for, and had. */
  onRead?(tier: Answerer, asked: number, had: number): void;
  /** A tier failed or did not answer; it is told once for each time it is left alone. */
  onFault?(tier: TierName, message: string): void;
}

interface Flight {
  /** Of the clock of the stamps. */
  readonly began: number;
  readonly element: Promise<Element | undefined>;
}

/** What was found so far, and by which tier: its place in the list, or the number of tiers for Postgres. */
type Found = Map<string, { element: Element; place: number }>;

export class ElementReader {
  private readonly ports: ElementReaderPorts;
  private readonly flights = new Map<string, Flight>();
  private readonly absent = new LRUCache<string, number>({ max: absentMax, ttl: absentMs });
  private readonly restsUntil = new Map<Tier, number>();

  constructor(ports: ElementReaderPorts) {
    this.ports = ports;
  }

  /** Those that exist, by id; whoever has only been is not among them. Rejects only when Postgres fails. */
  async get(entity: Entity, ids: readonly string[]): Promise<Map<string, Element>> {
    const began = this.ports.stamps.now();
    const waits = new Map<string, Promise<Element | undefined>>();
    const wanted: string[] = [];
    for (const id of new Set(ids)) {
      if (this.isKnownAbsent(entity, id)) continue;
      const flight = this.flights.get(nameOf(entity, id));
      // One that began before a change may have missed it.
      if (flight !== undefined && !this.ports.stamps.changedSince(entity.name, id, flight.began)) {
        waits.set(id, flight.element);
      } else {
        wanted.push(id);
      }
    }
    if (wanted.length > 0) {
      const found = this.find(entity, wanted, began);
      for (const id of wanted) waits.set(id, this.launch(nameOf(entity, id), id, { began, found }));
    }
    const elements = new Map<string, Element>();
    for (const [id, wait] of waits) {
      const element = await wait;
      if (element?.fields !== undefined) elements.set(id, element);
    }
    return elements;
  }

  private launch(name: string, id: string, { began, found }: { began: number; found: Promise<Found> }) {
    const element = found.then((elements) => elements.get(id)?.element);
    const flight: Flight = { began, element };
    this.flights.set(name, flight);
    const land = () => {
      if (this.flights.get(name) === flight) this.flights.delete(name);
    };
    element.then(land, land);
    return element;
  }

  private isKnownAbsent(entity: Entity, id: string): boolean {
    const since = this.absent.get(nameOf(entity, id));
    return since !== undefined && !this.ports.stamps.changedSince(entity.name, id, since);
  }

  private async find(entity: Entity, ids: readonly string[], began: number): Promise<Found> {
    const { tiers, stamps } = this.ports;
    const found: Found = new Map();
    for (const [place, tier] of tiers.entries()) {
      const freshUntil = this.ports.freshUntil(tier);
      const usable = ids.filter((id) => !found.has(id) && freshUntil > stamps.changedAt(entity.name, id));
      if (usable.length === 0 || stamps.now() < (this.restsUntil.get(tier) ?? 0)) continue;
      const elements = await this.ask(tier, entity, usable);
      const had = elements.filter((element) => element !== undefined);
      for (const element of had) found.set(element.id, { element, place });
      this.ports.onRead?.(tier.name, usable.length, had.length);
    }
    const missing = ids.filter((id) => !found.has(id));
    if (missing.length > 0) {
      const elements = await this.ports.load(entity, missing);
      this.ports.onRead?.(
        'postgres',
        missing.length,
        elements.filter((element) => element !== undefined).length,
      );
      for (const [index, element] of elements.entries()) {
        if (element !== undefined) found.set(element.id, { element, place: tiers.length });
        if (element?.fields === undefined) this.absent.set(nameOf(entity, missing[index] ?? ''), began);
      }
    }
    this.fill(entity, found, began);
    return found;
  }

  /** What a tier has; nothing when it fails. */
  private ask(tier: Tier, entity: Entity, ids: readonly string[]): Promise<Array<Element | undefined>> {
    return new Promise((resolve) => {
      const onFound: Parameters<Tier['get']>[2] = (result) => {
        if (result.kind === 'failed') this.rest(tier, result.message);
        resolve(result.kind === 'failed' ? [] : result.elements);
      };
      askPatiently(timers, (answer) => tier.get(entity, ids, answer), onFound);
    });
  }

  private rest(tier: Tier, message: string): void {
    const now = this.ports.stamps.now();
    if (now < (this.restsUntil.get(tier) ?? 0)) return;
    this.restsUntil.set(tier, now + restMs);
    this.ports.onFault?.(tier.name, message);
  }

  /** Tells the faster tiers; not of what has changed meanwhile, which they hear of by another way. */
  private fill(entity: Entity, found: Found, began: number): void {
    const { tiers, stamps } = this.ports;
    for (const [place, tier] of tiers.entries()) {
      const changes = [...found.values()]
        .filter((each) => each.place > place && each.element.version > 0)
        .filter(({ element }) => !stamps.changedSince(entity.name, element.id, began))
        .map(({ element }) => ({ entity, ...element }));
      if (changes.length > 0) tier.fill(changes);
    }
  }
}

function nameOf(entity: Entity, id: string): string {
  return `${entity.name}/${id}`;
}
