/** Events of a simulation, the earliest first; a random number decides between those of the same time. */

export interface SimulatedEvent {
  readonly at: number;
  readonly tieBreak: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class EventHeap {
  private readonly events: SimulatedEvent[] = [];

  get size(): number {
    return this.events.length;
  }

  peek(): SimulatedEvent | undefined {
    return this.events[0];
  }

  push(event: SimulatedEvent): void {
    const { events } = this;
    let index = events.length;
    events.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = events[parent];
      if (above === undefined || isBefore(above, event)) break;
      events[index] = above;
      index = parent;
    }
    events[index] = event;
  }

  pop(): SimulatedEvent | undefined {
    const { events } = this;
    const first = events[0];
    const last = events.pop();
    if (last !== undefined && last !== first) this.sink(last);
    return first;
  }

  private sink(event: SimulatedEvent): void {
    const { events } = this;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = events[child];
      if (left === undefined) break;
      const right = events[child + 1];
      let smaller = left;
      if (right !== undefined && isBefore(right, left)) {
        smaller = right;
        child += 1;
      }
      if (isBefore(event, smaller)) break;
      events[index] = smaller;
      index = child;
    }
    events[index] = event;
  }
}

function isBefore(one: SimulatedEvent, other: SimulatedEvent): boolean {
  if (one.at !== other.at) return one.at < other.at;
  if (one.tieBreak !== other.tieBreak) return one.tieBreak < other.tieBreak;
  return one.order < other.order;
}
