/** The acks of one batch, gathered for each front: one message for all of them instead of one for each. */
import { type Acks, frontOf } from '#src/threads/messages.js';

export class BatchAcks {
  private readonly byFront = new Map<number, { requests: number[]; seqs: number[] }>();

  add(request: number, seq: number): void {
    const front = frontOf(request);
    let columns = this.byFront.get(front);
    if (columns === undefined) {
      columns = { requests: [], seqs: [] };
      this.byFront.set(front, columns);
    }
    columns.requests.push(request);
    columns.seqs.push(seq);
  }

  /** `at`: the time of the batch. */
  *messages(at: number): Iterable<{ front: number; acks: Acks }> {
    for (const [front, { requests, seqs }] of this.byFront) {
      yield {
        front,
        acks: { kind: 'acks', at, requests: new Float64Array(requests), seqs: new Float64Array(seqs) },
      };
    }
  }
}
