/**
 * The transcript: real messages of real people (see `samples/ATTRIBUTION.md`). Its texts are what the bench sends, and
 * its people and rooms show how unequally people speak. The sample in the repository serves unless
 * `NUBO_BENCH_TRANSCRIPT` names a larger file of the same form.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '#src/project-root.js';

export interface Transcript {
  readonly texts: readonly string[];
  /** Messages of each person, the most talkative first. */
  readonly perPerson: readonly number[];
  /** Messages of each room, the busiest first. */
  readonly perRoom: readonly number[];
}

/** @throws Error when the file cannot be read or holds no messages */
export function readTranscript(
  file: string = process.env.NUBO_BENCH_TRANSCRIPT ?? join(projectRoot, 'samples', 'ubuntu-irc.ndjson.gz'),
): Transcript {
  const bytes = readFileSync(file);
  const lines = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n');
  const texts: string[] = [];
  const people = new Map<string, number>();
  const rooms = new Map<string, number>();
  for (const line of lines) {
    if (line === '') continue;
    const { kind, nick, room, text } = JSON.parse(line) as Record<string, string | undefined>;
    if (kind === 'rename' || text === undefined || nick === undefined || room === undefined) continue;
    texts.push(text);
    people.set(nick, (people.get(nick) ?? 0) + 1);
    rooms.set(room, (rooms.get(room) ?? 0) + 1);
  }
  if (texts.length === 0) throw new Error(`The transcript ${file} holds no messages.`);
  return { texts, perPerson: descending(people), perRoom: descending(rooms) };
}

function descending(counts: ReadonlyMap<string, number>): number[] {
  return [...counts.values()].toSorted((one, other) => other - one);
}

/**
 * The same skew for another number of people or rooms: their counts read off at evenly spaced places of the ranking,
 * the most talkative first. Weights add up to 1.
 *
 * @param counts `perPerson` or `perRoom`
 */
export function skewed(counts: readonly number[], count: number): number[] {
  const weights = Array.from({ length: count }, (_, index) => {
    const place = ((index + 0.5) / count) * counts.length;
    return counts[Math.min(counts.length - 1, Math.floor(place))] ?? 1;
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
