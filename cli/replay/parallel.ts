/** Runs a task for each item, at most `limit` at a time; rejects with the first failure and begins no more. */
export async function inParallel<Item>(
  limit: number,
  items: readonly Item[],
  task: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let hasFailed = false;
  async function work(): Promise<void> {
    while (next < items.length && !hasFailed) {
      const index = next++;
      try {
        await task(items[index] as Item, index);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
}

/** Items in groups of at most `size`, in their order. */
export function groupsOf<Item>(size: number, items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
