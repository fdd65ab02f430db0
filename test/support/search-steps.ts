/** The steps of the index of words as promises. */
import type { PostgresSearchIndex } from '#src/storage/postgres/search-index.js';

export class SearchSteps {
  private readonly index: PostgresSearchIndex;

  constructor(index: PostgresSearchIndex) {
    this.index = index;
  }

  begin = () => answered(this.index.begin.bind(this.index));
  fill = (rows: number) => answered(this.index.fill.bind(this.index, rows));
  follow = (batches: number, rows = 1_000) => answered(this.index.follow.bind(this.index, { batches, rows }));
  prune = (rows: number) => answered(this.index.prune.bind(this.index, rows));

  /** Until there is nothing left to do. */
  async catchUp(): Promise<void> {
    const { isFilled } = await this.begin();
    for (let rows = isFilled ? 0 : 50; rows === 50; ) ({ rows } = await this.fill(50));
    for (let behind = 1; behind > 0; ) ({ behind } = await this.follow(7, 5));
  }
}

function answered<Result extends { readonly kind: string }>(
  run: (done: (result: Result) => void) => void,
): Promise<Exclude<Result, { kind: 'failed' }>> {
  return new Promise((resolve, reject) =>
    run((result) =>
      result.kind === 'failed'
        ? reject(new Error((result as unknown as { message: string }).message))
        : resolve(result as Exclude<Result, { kind: 'failed' }>),
    ),
  );
}
