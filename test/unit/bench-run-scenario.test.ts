/** Rounds, voids, faults and interruption, with a scenario that needs no server. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Measurement, Target } from '#bench/contract.js';
import { PeerTurns } from '#bench/run/peer-turns.js';
import { figureOf } from '#bench/run/ratios.js';
import type { BenchContext, BenchOptions, Scenario } from '#bench/run/scenario.js';
import { runScenario } from '#bench/run/scenario-run.js';

const options: BenchOptions = { rounds: 2, seconds: 1, isSmoke: false, codec: 'msgpack' };

function scenarioOf(run: (bench: BenchContext) => Promise<void>): Scenario {
  return {
    ...{ name: 'made-up', title: 'made up', says: 'nothing', seconds: 1, rounds: 2, playSeconds: 1, run },
    ratios: [
      { name: 'ratio', isHigherBetter: true, of: figureOf('engine', 'rate'), to: figureOf('limit', 'rate') },
    ],
  };
}

function measured(part: string, rate: number, why?: string): Measurement {
  const kind = part === 'engine' ? 'engine' : 'limit';
  return { part, kind, label: part, figures: { rate }, ...(why === undefined ? {} : { void: why }) };
}

function perform(
  run: (bench: BenchContext) => Promise<void>,
  {
    signal = new AbortController().signal,
    peers = [],
    ...rest
  }: Partial<BenchOptions> & { signal?: AbortSignal; peers?: Target[] } = {},
) {
  return runScenario(scenarioOf(run), { options: { ...options, ...rest }, signal, peers });
}

let said = '';
beforeEach(() => {
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

test('rounds hold what was recorded in them, in order, and make the ratios', async () => {
  const result = await perform((bench) =>
    bench.rounds(async (index) => {
      bench.record(measured('limit', 10));
      bench.record(measured('engine', 5 + index));
    }),
  );
  expect(result.rounds.map((round) => round.map(({ part }) => part))).toEqual([
    ['limit', 'engine'],
    ['limit', 'engine'],
  ]);
  expect(result.ratios[0]?.perRound).toEqual([0.5, 0.6]);
  expect(result).toMatchObject({ isPartial: false, faults: [], missing: [], scenario: 'made-up' });
  expect(result.machine.cores).toBeGreaterThan(0);
});

test('a void round is kept, does not count, and is made up for, within a bound', async () => {
  const once = await perform((bench) =>
    bench.rounds(async (index) => {
      bench.record(measured('limit', 10, index === 0 ? 'too slow' : undefined));
      bench.record(measured('engine', 5));
    }),
  );
  expect(once.rounds).toHaveLength(3);
  expect(once.ratios[0]?.perRound).toHaveLength(2);
  expect(said).toContain('too slow');
  const always = await perform((bench) =>
    bench.rounds(async () => {
      bench.record(measured('limit', 10, 'too slow'));
    }),
  );
  expect(always.rounds).toHaveLength(4);
  expect(always.ratios).toEqual([]);
});

test('in a smoke nothing is void: its figures mean nothing anyway', async () => {
  const result = await perform(
    (bench) =>
      bench.rounds(async () => {
        bench.record(measured('limit', 10));
        bench.record(measured('limit', 1));
      }),
    { isSmoke: true, rounds: 1 },
  );
  expect(result.rounds.flat().map((one) => one.void)).toEqual([undefined, undefined]);
});

test('an interruption keeps what there is and says that it is partial', async () => {
  const controller = new AbortController();
  const result = await perform(
    (bench) =>
      bench.rounds(async (index) => {
        bench.record(measured('limit', 10));
        if (index === 1) {
          controller.abort();
          bench.signal.throwIfAborted();
        }
        bench.record(measured('engine', 5));
      }),
    { signal: controller.signal },
  );
  expect(result.rounds.map((round) => round.length)).toEqual([2, 1]);
  expect(result).toMatchObject({ isPartial: true, faults: [] });
});

test('a scenario that fails is partial and faulty', async () => {
  const result = await perform(async (bench) => {
    bench.record(measured('limit', 10));
    throw new Error('the disk is gone');
  });
  expect(result.isPartial).toBe(true);
  expect(result.faults).toEqual([expect.stringContaining('the disk is gone')]);
  expect(result.rounds).toHaveLength(1);
});

test('peers that are missing or do not start are entered with why; the others are stopped at the end', async () => {
  const stop = vi.fn(async () => {});
  const target = (name: string, extra: Partial<Target>): Target => ({
    ...{ name, label: name, ack: 'none', adapter: name, missing: () => undefined },
    start: async () => ({ ...({} as Awaited<ReturnType<Target['start']>>), stop }),
    ...extra,
  });
  const peers = [
    target('absent', { missing: () => 'not on PATH' }),
    target('broken', { start: () => Promise.reject(new Error('no licence')) }),
    target('unwanted', { start: () => Promise.reject(new Error('never asked')) }),
    target('there', {}),
  ];
  const started: string[] = [];
  const result = await perform(
    async (bench) => {
      const found = await bench.peers(({ name }) => name !== 'unwanted');
      started.push(...found.map((peer) => peer.target.name));
    },
    { peers },
  );
  expect(started).toEqual(['there']);
  expect(stop).toHaveBeenCalledOnce();
  expect(result.missing).toEqual(['not on PATH', 'broken did not start: no licence']);
  expect(result.faults).toEqual([]);
});

test('a peer that fails is left out from then on, and peers have no turn in a void round but in the first', async () => {
  const target = (name: string): Target => ({
    ...{ name, label: name, ack: 'none', adapter: name, missing: () => undefined },
    start: async () => ({ ...({} as Awaited<ReturnType<Target['start']>>), stop: async () => {} }),
  });
  const turns: string[] = [];
  const result = await perform(
    async (bench) => {
      const peers = new PeerTurns(bench, await bench.peers());
      await bench.rounds(async (index) => {
        bench.record(measured('limit', 10, index < 2 ? 'too slow' : undefined));
        await peers.take(async (peer) => {
          turns.push(`${index} ${peer.target.name}`);
          if (peer.target.name === 'weak') throw new Error('out of memory');
        });
      });
    },
    { peers: [target('weak'), target('strong')] },
  );
  expect(turns).toEqual(['0 weak', '0 strong', '2 strong', '3 strong']);
  expect(result.missing).toEqual(['weak failed: out of memory']);
  expect(result).toMatchObject({ isPartial: false, faults: [] });
});
