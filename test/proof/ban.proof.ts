/**
 * Somebody is banned while they send as fast as they can: no message of theirs has a seq after the ban's, and none of
 * their sockets hears anything after it (G7).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openSql } from '#src/storage/postgres/sql.js';
import { type BanRace, banRace, Door, type Victim } from '#test/faults/ban-race.js';
import { makePeople } from '#test/support/operator.js';
import { dataFolder, startServer, type TestServer } from '#test/support/server.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const races = { short: 300, full: 10_000 };
const [owners, victims, socketsPerVictim] = [4, 20, 3];
/** At once, over all victims. */
const racesAtOnce = 60;
const delayMsMax = 12;
/** For what might still come to a socket that should hear nothing. */
const silenceMs = 500;
const env = { NUBO_SHARDS: '2', NUBO_FRONTS: '2' };

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const folder = dataFolder('ban');
  const server = await startServer({ data: folder.path, env });
  const doors: Door[] = [];
  try {
    const crowd = await gather(server, doors);
    const ran: BanRace[] = [];
    const wanted = short ? races.short : races.full;
    let begun = 0;
    const track = async () => {
      while (begun < wanted) {
        const number = begun;
        begun += 1;
        const owner = crowd.owners[number % owners] as Door;
        const victim = crowd.victims[number % victims] as Victim;
        ran.push(await banRace(owner, victim, { delayMs: Math.random() * delayMsMax }));
        if (ran.length % 1000 === 0) log(`${ran.length} races`);
      }
    };
    await Promise.all(Array.from({ length: racesAtOnce }, track));
    await sleep(silenceMs);
    return judge(ran, await messagesAfter(server, ran), log);
  } finally {
    for (const { socket } of doors) socket.close();
    server.kill('everything');
    await server.ended;
    await folder.remove();
  }
}

async function gather(server: TestServer, doors: Door[]) {
  const names = Array.from({ length: owners + victims }, (_, index) => `ban ${index}`);
  const people = await makePeople(server, names);
  const open = async (index: number, place: number) => {
    const door = await Door.open(
      server.address,
      people[index] as never,
      place % 2 === 0 ? 'msgpack' : 'json',
    );
    doors.push(door);
    return door;
  };
  return {
    owners: await Promise.all(Array.from({ length: owners }, (_, index) => open(index, 0))),
    victims: await Promise.all(
      people.slice(owners).map(
        async (person, index): Promise<Victim> => ({
          person,
          doors: await Promise.all(
            Array.from({ length: socketsPerVictim }, (_, place) => open(owners + index, place)),
          ),
        }),
      ),
    ),
  };
}

/** Messages by whoever was banned that stand after their ban in the log. */
async function messagesAfter(server: TestServer, ran: readonly BanRace[]): Promise<number> {
  const sql = openSql(server.runtime.postgresUrl, { max: 1, statementMs: 0 });
  try {
    const [row] = await sql<Array<{ bans: number; after: number }>>`
      select count(distinct b.id)::float8 as bans, count(l.id)::float8 as after
      from conversation_log b
      left join conversation_log l
        on l.conversation = b.conversation and l.actor = b.target and l.seq > b.seq
      where b.kind = 54 and b.conversation = any(${ran.map(({ conv }) => conv)}::uuid[])`;
    if (row?.bans !== ran.length) throw new Error(`${row?.bans} bans are stored, of ${ran.length}`);
    return row.after;
  } finally {
    await sql.end();
  }
}

function judge(ran: readonly BanRace[], storedAfter: number, log: ProofOptions['log']): ProofResult {
  const wrong = { ackedAfter: 0, heardAfter: 0, silent: 0, holes: 0, strange: 0 };
  let [acked, close, ears] = [0, 0, 0];
  for (const { conv, victim, banSeq, acked: seqs, strange } of ran) {
    acked += seqs.length;
    wrong.ackedAfter += seqs.filter((seq) => seq > banSeq).length;
    if (seqs.some((seq) => seq >= banSeq - 8)) close += 1;
    wrong.strange += strange.length;
    for (const line of strange.slice(0, 3)) log(line);
    for (const door of victim.doors) {
      const heard = door.heard.get(conv);
      ears += 1;
      if (heard === undefined || heard.banSeq !== banSeq || !heard.hasEnded) wrong.silent += 1;
      if (heard !== undefined && (heard.lastSeq > banSeq || heard.afterBan.length > 0)) {
        wrong.heardAfter += 1;
        log(`${conv}: banned at ${banSeq}, heard up to ${heard.lastSeq} and ${heard.afterBan.join(', ')}`);
      }
      if (heard?.hasHoles) wrong.holes += 1;
    }
  }
  const sum = Object.values(wrong).reduce((total, count) => total + count, storedAfter);
  return {
    // Half of the bans must have come right between messages of the banned.
    passed: sum === 0 && close > ran.length / 2,
    trials: {
      'bans of somebody who sends': ran.length,
      'with a message of theirs right before it': close,
      'messages of theirs acked': acked,
      'subscribed sockets of theirs': ears,
      'messages stored after the ban': storedAfter,
      'acks after the ban': wrong.ackedAfter,
      'sockets that heard anything after it': wrong.heardAfter,
      'sockets that did not hear of it': wrong.silent,
      'sockets that missed something before it': wrong.holes,
      'answers that are not explained': wrong.strange,
    },
  };
}

export const proof: Proof = { item: 'ban', command: 'npm run proof -- ban', run };
