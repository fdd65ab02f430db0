/** What was found in a text, as ranges of it: whoever shows it as HTML has to escape it, and can. */

/** Around each word in what the database gives; both are taken out of the text before. */
export const markStart = '\u0002';
export const markEnd = '\u0003';

/** Words may be as long as a message: a snippet is not, in UTF-16 code units. */
const snippetMax = 1_000;
/** How much of it stands before the first mark. */
const before = 200;

type Marks = Array<[start: number, length: number]>;

/** The text without its marks, and where they were: `[start, length]` in UTF-16 code units. */
export function unmarked(marked: string): { snippet: string; marks: Marks } {
  const marks: Marks = [];
  let snippet = '';
  for (const [index, part] of marked.split(markStart).entries()) {
    const [inside = '', after] = part.split(markEnd, 2);
    if (index > 0 && after !== undefined) marks.push([snippet.length, inside.length]);
    snippet += inside + (after ?? '');
  }
  return snippet.length <= snippetMax ? { snippet, marks } : cut(snippet, marks);
}

function cut(snippet: string, marks: Marks): { snippet: string; marks: Marks } {
  const first = marks[0]?.[0] ?? 0;
  const from = whole(snippet, Math.max(0, Math.min(first - before, snippet.length - snippetMax)));
  const to = whole(snippet, from + snippetMax);
  return {
    snippet: snippet.slice(from, to),
    marks: marks.flatMap(([start, length]): Marks => {
      const end = Math.min(start + length, to);
      return start < to ? [[start - from, end - start]] : [];
    }),
  };
}

/** This place, or the one before it when it is in the middle of a character. */
function whole(text: string, place: number): number {
  return /[\udc00-\udfff]/.test(text.charAt(place)) ? place - 1 : place;
}
