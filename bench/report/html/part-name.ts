/** A part's name with its colour, and the badge that says what its ack is worth. */
import { ackWorths } from '../ack-meanings.js';
import type { PartSummary } from '../summary.js';
import { html, type Markup } from './markup.js';

export type Colours = ReadonlyMap<string, number>;

/** The colour is a help, the name is what counts. */
export function partName(part: string, colours: Colours): Markup {
  return html`<span class="part"><i class="swatch c${colours.get(part) ?? 0}" aria-hidden="true"></i>${part}</span>`;
}

const symbols = { strong: '✓', middling: '◐', weak: '○', none: '–' } as const;

export function ackBadge({ ack }: Pick<PartSummary, 'ack'>): Markup | undefined {
  if (ack === undefined) return undefined;
  const { says, strength } = ackWorths[ack];
  return html`<span class="badge ${strength}" title="${says}"><span aria-hidden="true">${symbols[strength]}</span> ${
    ack === 'none' ? 'no ack' : ack
  }</span>`;
}
