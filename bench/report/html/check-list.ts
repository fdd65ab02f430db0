/** What the checker found: a calm line where all is well, a loud one where it is not. */
import { type CheckSummary, calmSentence, findingText } from '../checks.js';
import { html, type Markup } from './markup.js';
import { type Colours, partName } from './part-name.js';

export function checkList(checks: readonly CheckSummary[], colours: Colours): Markup | undefined {
  if (checks.length === 0) return undefined;
  return html`<section aria-labelledby="checks">
<h2 id="checks">Checks</h2>
<p class="lead">Every ack and every delivery of every round was looked at, warm-up and drain included.</p>
<ul class="checks">${checks.map((check) => itemOf(check, colours))}</ul>
</section>`;
}

function itemOf(check: CheckSummary, colours: Colours): Markup {
  const { faults, notes, details } = check;
  const isCalm = faults.length === 0;
  return html`<li class="check ${isCalm ? 'calm' : 'loud'}">
<p>${partName(check.part, colours)} ${
    isCalm
      ? html`<span class="mark reached"><span aria-hidden="true">✓</span> in order</span>`
      : html`<span class="mark short"><span aria-hidden="true">✗</span> faults</span>`
  }</p>
${
  isCalm
    ? html`<p class="quiet">${calmSentence([check])}</p>`
    : html`<ul class="faults">${faults.map((fault) => html`<li>${findingText(fault)}</li>`)}</ul>`
}
${notes.length === 0 ? undefined : html`<p class="notes">Also: ${notes.map(findingText).join(', ')}.</p>`}
${
  details.length === 0
    ? undefined
    : html`<details${isCalm ? undefined : html` open`}><summary>Details</summary><ul>${details.map((line) => html`<li>${line}</li>`)}</ul></details>`
}
</li>`;
}
