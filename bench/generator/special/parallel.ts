/** Tasks in parallel, at most so many at a time, by their numbers; rejects with the first failure and begins no more. */
export async function inParallel(
  atOnce: number,
  count: number,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let hasFailed = false;
  const work = async () => {
    while (next < count && !hasFailed) {
      const index = next++;
      try {
        await task(index);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work));
}
