/** What a comparison says, for the terminal and for Markdown. */
import type { Series, Side } from './compare-sides.js';
import { shiftText, type Verdict } from './compare-verdict.js';
import { numberText, valueText } from './numbers.js';
import {
  markdownTable,
  markdownText,
  plainText,
  type Table,
  type Tone,
  terminalTable,
  toned,
} from './table.js';

export interface CompareOptions {
  /** `terminal` when absent. */
  readonly format?: 'terminal' | 'markdown';
  /** Escape sequences in the terminal; none when absent. */
  readonly isColoured?: boolean;
}

export interface Row {
  readonly series: Series;
  readonly verdict: Verdict;
}

export interface ComparedParts {
  readonly sides: readonly [Side, Side];
  readonly ratios: readonly Row[];
  readonly engine: readonly Row[];
  readonly machine: readonly Row[];
  readonly moved: readonly Row[];
  readonly deciding: readonly Row[];
  readonly isWorse: boolean;
}

export function comparisonText(
  parts: ComparedParts,
  { format = 'terminal', isColoured = false }: CompareOptions,
): string {
  const { sides, ratios, engine, machine, isWorse } = parts;
  const isMarkdown = format === 'markdown';
  const sections: readonly (readonly [string, readonly Row[]])[] = [
    ['Ratios: these decide', ratios],
    [
      ratios.length > 0 ? 'Figures of the engine: for information' : 'Figures of the engine: these decide',
      engine,
    ],
    ['The machine: limits and peers, which no change of the engine touches', machine],
  ];
  const blocks = sections
    .filter(([, rows]) => rows.length > 0)
    .flatMap(([title, rows]) =>
      isMarkdown
        ? [`## ${title}`, markdownTable(tableOf(rows))]
        : [`${toned(title, 'strong', isColoured)}\n${terminalTable(tableOf(rows), isColoured)}`],
    );
  const scenario = sides[1].results[0]?.scenario ?? '';
  const head = `${scenario}: ${sideText(sides[0])} → ${sideText(sides[1])}`;
  const notes = notesOf(parts);
  const conclusion = conclusionOf(parts);
  const tone: Tone = isWorse ? 'bad' : 'strong';
  return [
    isMarkdown ? `# ${markdownText(head)}` : toned(plainText(head), 'strong', isColoured),
    ...blocks,
    ...(notes.length === 0 ? [] : [notes.map((note) => noteText(note, isMarkdown, isColoured)).join('\n')]),
    isMarkdown ? `**${markdownText(conclusion)}**` : toned(conclusion, tone, isColoured),
  ].join('\n\n');
}

function noteText(note: string, isMarkdown: boolean, isColoured: boolean): string {
  return isMarkdown ? `- ${markdownText(note)}` : toned(`- ${plainText(note)}`, 'warn', isColoured);
}

function sideText({ results }: Side): string {
  const commits = [...new Set(results.map(({ commit }) => commit))].join(', ');
  const rounds = results.reduce((sum, result) => sum + result.rounds.length, 0);
  return `${commits} (${numberText(results.length)} × run, ${numberText(rounds)} rounds)`;
}

const tones: Readonly<Record<Verdict['kind'], Tone>> = {
  ...{ better: 'good', same: 'quiet', worse: 'bad' },
  ...{ changed: 'star', unclear: 'warn', 'too few': 'warn' },
};

function tableOf(rows: readonly Row[]): Table {
  const hasParts = rows.some(({ series }) => series.part !== undefined);
  return {
    columns: [
      ...(hasParts ? [{ title: 'part' }] : []),
      { title: 'figure' },
      { title: 'before', isNumber: true },
      { title: 'after', isNumber: true },
      { title: 'change (95 %)', isNumber: true },
      { title: 'verdict' },
    ],
    rows: rows.map(({ series, verdict }) => [
      ...(hasParts ? [series.part ?? ''] : []),
      series.title,
      valueText(verdict.before, series.unit),
      { text: valueText(verdict.after, series.unit), tone: 'strong' as const },
      shiftText(verdict.shift),
      { text: verdict.text, tone: tones[verdict.kind] },
    ]),
  };
}

function conclusionOf({ deciding, isWorse }: ComparedParts): string {
  const has = (kind: Verdict['kind']) => deciding.some(({ verdict }) => verdict.kind === kind);
  if (deciding.length === 0) return 'Nothing to compare: the sides have no figure in common.';
  if (isWorse) return has('better') ? 'WORSE in some, better in others.' : 'WORSE.';
  if (has('too few')) return 'No verdict: there are too few rounds.';
  if (has('better')) return 'Better, and nothing worse.';
  return has('unclear') ? 'Nothing is shown to be worse, but some is too noisy to tell.' : 'The same.';
}

function notesOf({ sides, ratios, machine, moved, deciding }: ComparedParts): readonly string[] {
  const [before, after] = sides;
  const results = [...before.results, ...after.results];
  const differs = (read: (result: (typeof results)[number]) => string) => new Set(results.map(read)).size > 1;
  const compared = deciding.filter(({ verdict }) => verdict.shift !== undefined).length;
  return [
    ...before.left,
    ...after.left,
    ...(differs(({ machine: { cores, model } }) => `${cores} ${model}`)
      ? ['The results are of different machines.']
      : []),
    ...(differs(({ node }) => node) ? ['The results are of different versions of Node.'] : []),
    ...(differs(optionsText) ? ['The options of the runs differ.'] : []),
    ...(moved.length > 0
      ? [`${moved.map(({ series }) => series.part).join(', ')} moved as well: the machine was not the same.`]
      : []),
    ...(ratios.length === 0 && machine.length === 0
      ? ['No limit and no peer was measured: whether the machine was the same is not known.']
      : []),
    ...(sides.some(({ folders }) => folders.length === 1)
      ? ['What differs from start to start of one build shows only in several runs a side.']
      : []),
    ...(compared > 1
      ? [`${compared} figures decide: of 20 that did not change, one shows a change by chance.`]
      : []),
  ];
}

/** Runs of more and fewer rounds are of the same thing. */
function optionsText({ options }: Side['results'][number]): string {
  return JSON.stringify(
    Object.entries(options)
      .filter(([name]) => name !== 'rounds')
      .toSorted(),
  );
}
