/** Ids of the wrong time, of others and of nothing, and people where they do not belong (L4, L5, L6, P2, P3, R6). */
import { uuidv7 } from 'uuidv7';
import type { WireError } from '#src/wire/events.js';
import { type Case, headOf, idAt, mismatch, open, type Scene } from './bad-cases.js';

const hourMs = 3_600_000;

export function badIdCases(): Case[] {
  return [
    outOfWindow('1970', () => 0),
    outOfWindow('2099', () => Date.UTC(2099, 0, 1)),
    outOfWindow('25 hours ago', () => Date.now() - 25 * hourMs),
    outOfWindow('in 6 minutes', () => Date.now() + hourMs / 10),
    insideWindow('23 hours ago', () => Date.now() - 23 * hourMs),
    insideWindow('in 4 minutes', () => Date.now() + hourMs / 15),
    foreignIds,
    strangers,
    replyToNothing,
    removedAndRetried,
  ];
}

function outOfWindow(name: string, time: () => number): Case {
  return {
    name: `an id from ${name}`,
    async run(scene) {
      const socket = await open(scene, scene.alice);
      try {
        const before = await headOf(socket, scene.room);
        const id = idAt(time());
        for (const attempt of ['once', 'again']) {
          const answer = await socket.ask({
            op: 'send',
            id,
            conv: scene.room,
            text: 'too late or too early',
          });
          const fault = mismatch(answer, { code: 'id_out_of_window', stored: false });
          if (fault !== undefined) return `${attempt}: ${fault}`;
          if (Math.abs((answer.at ?? 0) - Date.now()) > 5_000)
            return `the server's time is said to be ${answer.at}`;
        }
        const head = await headOf(socket, scene.room);
        return head === before ? undefined : `the head went from ${before} to ${head}`;
      } finally {
        socket.close();
      }
    },
  };
}

function insideWindow(name: string, time: () => number): Case {
  return {
    name: `an id from ${name}`,
    async run(scene) {
      const socket = await open(scene, scene.alice);
      const message = { op: 'send', id: idAt(time()), conv: scene.room, text: 'just in time' } as const;
      const first = await socket.ask(message);
      const second = await socket.ask(message);
      socket.close();
      const isSame = 'ack' in first && 'ack' in second && first.seq === second.seq && first.at === second.at;
      return isSame ? undefined : `was told ${JSON.stringify([first, second])}`;
    },
  };
}

/** The same words, whatever it is that must not be revealed. */
function words(error: WireError): string {
  return JSON.stringify({ code: error.code, message: error.message, stored: error.stored });
}

/** Somebody else's message id, in the same room, in another one, by a stranger: one and the same conflict. */
const foreignIds: Case = {
  name: "another person's message id",
  async run(scene) {
    const [alice, bob, carol] = await Promise.all(
      [scene.alice, scene.bob, scene.carol].map((who) => open(scene, who)),
    );
    if (alice === undefined || bob === undefined || carol === undefined) return 'nobody is there';
    try {
      const mine = uuidv7();
      await alice.do({ op: 'send', id: mine, conv: scene.room, text: 'mine' });
      const elsewhere = uuidv7();
      await carol.do({ op: 'create', id: elsewhere, type: 'group', title: 'elsewhere' });
      const direct = uuidv7();
      const made = await alice.do({ op: 'create', id: direct, type: 'direct', members: [scene.bob.user] });
      const before = await headOf(alice, scene.room);
      const answers = [
        await bob.ask({ op: 'send', id: mine, conv: scene.room, text: 'mine' }),
        await carol.ask({ op: 'send', id: mine, conv: elsewhere, text: 'mine' }),
        await alice.ask({ op: 'send', id: mine, conv: made.conv ?? '', text: 'mine' }),
        await carol.ask({ op: 'create', id: mine, type: 'group' }),
      ];
      const told = new Set<string>();
      for (const answer of answers) {
        const fault = mismatch(answer, { code: 'conflict', stored: false });
        if (fault !== undefined) return fault;
        if ('err' in answer) told.add(words(answer));
        if ('seq' in answer || answer.at !== undefined)
          return `the conflict reveals ${JSON.stringify(answer)}`;
      }
      if (told.size !== 1) return `conflicts differ: ${[...told].join(' and ')}`;
      const head = await headOf(alice, scene.room);
      return head === before ? undefined : `the head went from ${before} to ${head}`;
    } finally {
      for (const socket of [alice, bob, carol]) socket.close();
    }
  },
};

/** What does not exist and what is not theirs to see answer alike. */
const strangers: Case = {
  name: 'an unknown conversation, and one of others',
  async run(scene) {
    const carol = await open(scene, scene.carol);
    try {
      const conversations = [uuidv7(), scene.room, '00000000-0000-0000-0000-000000000000'];
      const told = new Set<string>();
      for (const conv of conversations) {
        const answers = [
          await carol.ask({ op: 'send', id: uuidv7(), conv, text: 'hello?' }),
          await carol.ask({ op: 'join', id: uuidv7(), conv }),
          await carol.ask({ op: 'leave', id: uuidv7(), conv }),
          await carol.ask({ op: 'add', id: uuidv7(), conv, member: scene.carol.user }),
          await carol.ask({ op: 'remove', id: uuidv7(), conv, member: scene.alice.user }),
          await carol.ask({ op: 'subscribe', conv }),
          await carol.ask({ op: 'history', conv }),
          await carol.ask({ op: 'read', conv, seq: 1 }),
        ];
        for (const answer of answers) {
          if (!('err' in answer) || answer.code !== 'not_found')
            return `${conv} was told ${JSON.stringify(answer)}`;
        }
        told.add(answers.map((answer) => ('err' in answer ? words(answer) : '')).join(' '));
      }
      return told.size === 1 ? undefined : `answers differ: ${[...told].join('\n')}`;
    } finally {
      carol.close();
    }
  },
};

const replyToNothing: Case = {
  name: 'a reply to a message of nobody, and of another conversation',
  async run(scene) {
    const [alice, carol] = await Promise.all([open(scene, scene.alice), open(scene, scene.carol)]);
    try {
      const elsewhere = uuidv7();
      await carol.do({ op: 'create', id: elsewhere, type: 'group' });
      const theirs = uuidv7();
      await carol.do({ op: 'send', id: theirs, conv: elsewhere, text: 'private' });
      const reply = (replyTo: string) =>
        alice.ask({ op: 'send', id: uuidv7(), conv: scene.room, text: 'indeed', replyTo });
      const answers = [await reply(uuidv7()), await reply(theirs)];
      const told = new Set(answers.map((answer) => ('err' in answer ? words(answer) : 'ack')));
      for (const answer of answers) {
        const fault = mismatch(answer, { code: 'not_found', stored: false });
        if (fault !== undefined) return fault;
      }
      return told.size === 1 ? undefined : `answers differ: ${[...told].join(' and ')}`;
    } finally {
      alice.close();
      carol.close();
    }
  },
};

/** A member who was removed after a stored send gets the original ack for it, and nothing more (L5, P2). */
const removedAndRetried: Case = {
  name: 'a member removed after a stored send',
  async run(scene: Scene) {
    const [alice, carol] = await Promise.all([open(scene, scene.alice), open(scene, scene.carol)]);
    try {
      const conv = uuidv7();
      await alice.do({ op: 'create', id: conv, type: 'group', members: [scene.carol.user] });
      const message = { op: 'send', id: uuidv7(), conv, text: 'before' } as const;
      const first = await carol.do(message);
      await alice.do({ op: 'remove', id: uuidv7(), conv, member: scene.carol.user });
      const retry = await carol.ask(message);
      const next = await carol.ask({ op: 'send', id: uuidv7(), conv, text: 'after' });
      if (!('ack' in retry) || retry.seq !== first.seq || retry.at !== first.at || retry.id !== first.id)
        return `the retry was told ${JSON.stringify(retry)}, the first ack was ${JSON.stringify(first)}`;
      const others = await carol.ask({ ...message, id: uuidv7() });
      return (
        mismatch(next, { code: 'not_found', stored: false }) ??
        mismatch(others, { code: 'not_found', stored: false })
      );
    } finally {
      alice.close();
      carol.close();
    }
  },
};
