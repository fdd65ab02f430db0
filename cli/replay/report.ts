/** The table at the end, for people. */
import type { CpuSample } from './cpu.js';
import { type Claim, type Figures, holds, type ReplayResult } from './result.js';

const nameChars = 42;
const numberChars = 12;

export function reportOf(result: ReplayResult): string {
  const { file, sha256, messages, people, rooms, renamesSkipped, joins } = result;
  const lines = [
    '',
    `${file}`,
    `sha256 ${sha256}`,
    `${count(messages)} messages by ${count(people)} people in ${count(rooms)} rooms` +
      ` (${count(joins)} joins, ${count(renamesSkipped)} renames skipped)`,
    '',
    `  ${'checked in Postgres and at the listeners'.padEnd(nameChars)}${'found'.padStart(numberChars)}${'expected'.padStart(numberChars)}`,
    `  ${'─'.repeat(nameChars + 2 * numberChars + 4)}`,
    ...result.claims.map(claimRow),
    '',
    `  ${'measured'.padEnd(nameChars)}`,
    `  ${'─'.repeat(nameChars + 2 * numberChars + 4)}`,
    ...figureRows(result.figures),
    '',
    result.passed ? 'Everything holds.' : 'NOT everything holds.',
    '',
  ];
  return lines.join('\n');
}

function claimRow(claim: Claim): string {
  const { name, found, expected } = claim;
  const numbers = count(found).padStart(numberChars) + count(expected).padStart(numberChars);
  return `  ${name.padEnd(nameChars)}${numbers}  ${holds(claim) ? '✓' : '✗'}`;
}

function figureRows(figures: Figures): string[] {
  const { cpuOfSending, cpuOfAll, retries, rawCopyPerSecond, ackedPerSecond } = figures;
  const again = Object.entries(retries).map(([code, times]) => `${count(times)} × ${code}`);
  return [
    figureRow('first send to last delivery', seconds(figures.deliverySeconds)),
    figureRow('acked messages a second', count(Math.round(ackedPerSecond))),
    figureRow('ack p50 / p99 / max', times(figures.ackP50Ms, figures.ackP99Ms, figures.ackMaxMs)),
    ...cpuRows('CPU while sending', cpuOfSending),
    ...cpuRows('CPU in all', cpuOfAll),
    figureRow('time to make users', seconds(figures.usersSeconds)),
    figureRow('time to make tokens', seconds(figures.tokensSeconds)),
    figureRow('time to connect', seconds(figures.connectSeconds)),
    figureRow('time to make rooms', seconds(figures.roomsSeconds)),
    figureRow('time to join', seconds(figures.joinsSeconds)),
    figureRow('sent again', again.length === 0 ? 'never' : again.join(', ')),
    figureRow('gaps told to listeners', count(figures.gapsTold)),
    figureRow('batches, mean size', `${count(figures.batches)}, ${figures.meanBatch.toFixed(1)}`),
    figureRow('raw COPY of the same rows, rows a second', count(Math.round(rawCopyPerSecond))),
    figureRow('acked messages / raw COPY rows', ratio(ackedPerSecond, rawCopyPerSecond)),
    figureRow('memory of the client', `${Math.round(figures.clientMemoryMb)} MB`),
  ];
}

function figureRow(name: string, figure: string): string {
  return `  ${name.padEnd(nameChars)}${figure.padStart(numberChars)}`;
}

function cpuRows(name: string, { server, postgres, client }: CpuSample): string[] {
  return [
    figureRow(`${name}: server`, seconds(server)),
    figureRow(`${name}: Postgres`, seconds(postgres)),
    figureRow(`${name}: client`, seconds(client)),
  ];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function seconds(value: number | undefined): string {
  return value === undefined ? 'unknown' : `${value.toFixed(2)} s`;
}

function times(...milliseconds: number[]): string {
  return `${milliseconds.map((value) => value.toFixed(1)).join(' / ')} ms`;
}

function ratio(one: number, other: number): string {
  return other === 0 ? 'unknown' : (one / other).toFixed(3);
}
