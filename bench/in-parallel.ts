/** At most so many tasks at once; results in the order of the items. The first failure ends it: no more are begun. */
export async function inParallel<Item, Value>(
  atOnce: number,
  items: readonly Item[],
  task: (item: Item, index: number) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  let next = 0;
  let hasFailed = false;
  const work = async () => {
    while (next < items.length && !hasFailed) {
      const index = next++;
      try {
        values[index] = await task(items[index] as Item, index);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  return values;
}
