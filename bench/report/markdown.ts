/** `summary.md`: the report for a pull request. */
import { optionFacts, roundsText, shortCommit, whenText } from './html/head.js';
import { countText } from './numbers.js';
import type { Pictures } from './pictures.js';
import type { Summary } from './summary.js';
import { markdownTable, markdownText, type Table } from './table.js';
import { acksTable, figuresTable, ratiosTable, remarksOf } from './tables.js';

export function markdownReport(summary: Summary, pictures: Pictures): string {
  const { result, rounds, parts } = summary;
  const { machine } = result;
  const facts = [
    `${countText(machine.cores, 'core')}, ${machine.model}`,
    `Node ${result.node}`,
    `commit ${shortCommit(result.commit)}`,
    whenText(result.startedAt),
    `rounds: ${roundsText(rounds)}`,
    ...optionFacts(result.options).map(([name, value]) => `${name}: ${value}`),
  ];
  return [
    `# ${markdownText(result.title)}`,
    facts.map(markdownText).join(' · '),
    ...section('Ratios', ratiosTable(summary)),
    ...section('What was measured', acksTable(parts)),
    ...section('Measurements', figuresTable(summary)),
    '## Checks and remarks',
    remarksOf(summary)
      .map(({ text }) => `${text.startsWith(' ') ? '  ' : ''}- ${markdownText(text)}`)
      .join('\n'),
    '## Plots',
    pictures.kind === 'none'
      ? `${markdownText(pictures.why)} The plots are in \`report.html\`.`
      : pictures.files.map((file) => `![${file.replace(/\.png$/, '')}](${file})`).join('\n'),
  ]
    .filter((text) => text !== '')
    .join('\n\n')
    .concat('\n');
}

function section(title: string, table: Table): readonly string[] {
  return table.rows.length === 0 ? [] : [`## ${title}`, markdownTable(table)];
}
