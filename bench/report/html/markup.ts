/**
 * HTML that cannot be broken out of: every value of a template is escaped unless it is markup itself, and markup is made
 * by templates only.
 */

/** Escaped already. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = Markup | string | number | undefined | readonly Markup[];

/** A template. Attributes have to be in double quotes; nothing of `undefined`. */
export function html(texts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(texts.map((text, index) => text + textOf(values[index])).join(''));
}

/** JSON that may stand in a `script` element: no character of it can end the element or begin a comment. */
export function scriptJson(value: unknown): Markup {
  const escaped = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Markup(escaped);
}

/** Code or styles of our own or of a library, from a file. @throws when they would end their element */
export function trustedAsset(text: string, element: 'script' | 'style'): Markup {
  if (new RegExp(`</${element}|<!--`, 'i').test(text)) {
    throw new Error(`an asset of the report would end its ${element} element`);
  }
  return new Markup(text);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function textOf(value: Value): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
