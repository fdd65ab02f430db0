/** Who was measured, and what an ack of each is worth. */
import { ackWorths } from '../ack-meanings.js';
import type { PartSummary } from '../summary.js';
import { html, type Markup } from './markup.js';
import { ackBadge, type Colours, partName } from './part-name.js';

const kindTexts = { engine: 'the engine', peer: 'a peer', limit: 'a limit of the parts' } as const;

export function partCards(parts: readonly PartSummary[], colours: Colours): Markup | undefined {
  if (parts.length === 0) return undefined;
  return html`<section aria-labelledby="parts">
<h2 id="parts">What was measured</h2>
<p class="lead">Rates may be compared only between equal promises: look at the badges first.</p>
<ul class="cards">${parts.map(
    (part) => html`<li class="card">
<h3>${partName(part.part, colours)} <small>${kindTexts[part.kind]}</small></h3>
${ackBadge(part)}
<p>${part.label}</p>
${part.ack === undefined ? undefined : html`<p class="quiet">${ackWorths[part.ack].says}</p>`}
</li>`,
  )}</ul>
</section>`;
}
