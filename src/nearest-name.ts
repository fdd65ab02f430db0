/** Which of some names a misspelt one is likely to mean. */

/** How many letters must be changed, added or removed to get from one word to the other. */
function distance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...one].entries()) {
    const current = [row + 1];
    for (const [column, candidate] of [...other].entries()) {
      const replaced = (previous[column] ?? 0) + (letter === candidate ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[other.length] ?? 0;
}

/** The candidate with the least distance, the first of equals; `candidates` is not empty. */
export function nearestName(name: string, candidates: readonly string[]): string {
  let best = '';
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const current = distance(name, candidate);
    if (current < least) [best, least] = [candidate, current];
  }
  return best;
}
