/** The calls of a change source as promises; a failure rejects. */
import type { ChangeSource } from '#src/storage/tiers/ports.js';

type Success<Result> = Exclude<Result, { kind: 'failed' }>;

function asked<Result extends { kind: string }>(
  call: (done: (result: Result | { kind: 'failed'; message: string }) => void) => void,
): Promise<Success<Result>> {
  return new Promise((resolve, reject) => {
    call((result) => {
      if (result.kind === 'failed')
        reject(new Error('message' in result ? String(result.message) : 'failed'));
      else resolve(result as Success<Result>);
    });
  });
}

type ResultOf<Call extends 'read' | 'walk'> = Parameters<Parameters<ChangeSource[Call]>[1]>[0];

export function askSource(source: ChangeSource) {
  return {
    head: () => asked<Parameters<Parameters<ChangeSource['head']>[0]>[0]>((done) => source.head(done)),
    read: (range: { after: number; limit: number }) =>
      asked<ResultOf<'read'>>((done) => source.read(range, done)),
    walk: (page: { cursor: string | undefined; limit: number }) =>
      asked<ResultOf<'walk'>>((done) => source.walk(page, done)),
  };
}
