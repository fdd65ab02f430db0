/** What was found in a text, as ranges of it: whoever shows it as HTML has to escape it, and can. */

/** Around each word in what the database gives. */
export const markStart = '\u0002';
export const markEnd = '\u0003';
/** Characters that the database is given spaces for: those of markup, which it would leave out, and the marks. */
export const unsaid = `<>${markStart}${markEnd}`;

/** Messages are long, a snippet is not, in UTF-16 code units. */
const snippetMax = 300;
/** How much of it stands before the first mark, and how far a beginning of a word is looked for. */
const before = 100;
const wordMax = 30;

type Marks = Array<[start: number, length: number]>;

/**
 * @param marked the text with marks in it; spaces may stand for some of its characters
 * @returns the part of the text around the first mark, and where marks were in it: `[start, length]` in UTF-16 code units
 */
export function snippetOf(text: string, marked: string): { snippet: string; marks: Marks } {
  const marks = marksOf(marked);
  if (text.length <= snippetMax) return { snippet: text, marks };
  const first = marks[0]?.[0] ?? 0;
  const from = beginningOf(text, Math.max(0, Math.min(first - before, text.length - snippetMax)), first);
  const to = whole(text, Math.min(text.length, from + snippetMax));
  return {
    snippet: text.slice(from, to),
    marks: marks.flatMap(([start, length]): Marks => {
      return start < to ? [[start - from, Math.min(start + length, to) - start]] : [];
    }),
  };
}

function marksOf(marked: string): Marks {
  const marks: Marks = [];
  let place = 0;
  for (const [index, part] of marked.split(markStart).entries()) {
    const [inside = '', after] = part.split(markEnd, 2);
    if (index > 0 && after !== undefined) marks.push([place, inside.length]);
    place += inside.length + (after?.length ?? 0);
  }
  return marks;
}

/** After the next space, when there is one near. */
function beginningOf(text: string, from: number, first: number): number {
  if (from === 0) return 0;
  const space = text.indexOf(' ', from - 1);
  return space >= 0 && space < Math.min(first, from + wordMax) ? space + 1 : whole(text, from);
}

/** This place, or the one before it when it is in the middle of a character. */
function whole(text: string, place: number): number {
  return /[\udc00-\udfff]/.test(text.charAt(place)) ? place - 1 : place;
}
