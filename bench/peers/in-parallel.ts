/** At most so many tasks at once; results in the order of the items. */
export async function inParallel<Item, Value>(
  atOnce: number,
  items: readonly Item[],
  task: (item: Item, index: number) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  let next = 0;
  const work = async () => {
    for (let index = next++; index < items.length; index = next++)
      values[index] = await task(items[index] as Item, index);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  return values;
}
