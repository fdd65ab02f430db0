/** The top of the page: what was run, where, and what stands in the way of trusting it. */
import { countText, figureNameOf, numberText } from '../numbers.js';
import { isSmoke, type Summary } from '../summary.js';
import { smokeText } from '../tables.js';
import { html, type Markup } from './markup.js';

const bytesPerGibibyte = 2 ** 30;
const commitChars = 12;

export function headOf(summary: Summary): Markup {
  const { result, rounds } = summary;
  const { machine } = result;
  const facts: readonly (readonly [string, string])[] = [
    ['Scenario', result.scenario],
    ['Machine', `${countText(machine.cores, 'core')}, ${machine.model}`],
    ['Memory', `${numberText(machine.memoryBytes / bytesPerGibibyte)} GiB`],
    ['Node', result.node],
    ['Commit', shortCommit(result.commit)],
    ['Started', whenText(result.startedAt)],
    ['Rounds', roundsText(rounds)],
    ...optionFacts(result.options),
  ];
  return html`<header>
<p class="eyebrow">nubo bench · ${result.scenario}</p>
<h1>${result.title}</h1>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>
${bannersOf(summary)}`;
}

/** Options as they were given, but for the rounds, which are counted. */
export function optionFacts(options: Summary['result']['options']): readonly (readonly [string, string])[] {
  return Object.entries(options)
    .filter(([name]) => name !== 'rounds')
    .map(([name, value]) => {
      const words = figureNameOf(name).title.replace(/^is /, '');
      const title = name === 'seconds' ? 'Seconds a play' : words.charAt(0).toUpperCase() + words.slice(1);
      return [title, typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value) || 'none'];
    });
}

function bannersOf({ result, rounds, faults }: Summary): Markup {
  const voids = rounds.filter((round) => round.voids.length > 0);
  return html`${
    faults.length > 0 ? banner('fault', 'Faults were found: no figure below counts', faults) : undefined
  }${isSmoke(result) ? banner('partial', 'Smoke run', [smokeText]) : undefined}${
    result.isPartial
      ? banner('partial', 'Partial run', [
          'It ended early, by Ctrl-C or an error. What had been measured until then is here.',
        ])
      : undefined
  }${
    voids.length > 0
      ? banner(
          'void',
          `${countText(voids.length, 'round')} of ${rounds.length} void: shown, but in no median`,
          voids.map(({ number, voids: whys }) => `Round ${number}: ${whys.join('; ')}`),
        )
      : undefined
  }${result.missing.length > 0 ? banner('note', 'Could not run here', result.missing) : undefined}`;
}

function banner(kind: string, title: string, lines: readonly string[]): Markup {
  return html`<aside class="banner ${kind}"><h2>${title}</h2><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul></aside>`;
}

export function roundsText(rounds: Summary['rounds']): string {
  const voids = rounds.filter((round) => round.voids.length > 0).length;
  return voids === 0 ? String(rounds.length) : `${rounds.length}, of which ${voids} void`;
}

/** `2026-11-21 14:36 UTC`; as it is when it is no date. */
export function whenText(startedAt: string): string {
  const at = new Date(startedAt);
  return Number.isNaN(at.getTime()) ? startedAt : `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

export function shortCommit(commit: string): string {
  return /^[0-9a-f]{40}/.test(commit) ? commit.slice(0, commitChars) + commit.slice(40) : commit;
}
