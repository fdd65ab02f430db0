/**
 * Every operation, by everybody, in every type of conversation, on everybody: what the actor answers against an oracle
 * that was written from SPEC group G, and shares no code with src/permissions.ts.
 */
import { expect, test } from 'vitest';
import type { ConversationMessage } from '#actors/messages.js';
import type { KnownMember } from '#src/storage/facts.js';
import { nothing } from '#src/storage/facts.js';
import type { Target } from '#src/storage/ports.js';
import type { ConversationType, Role } from '#src/wire/events.js';
import { base, conv, createActive, fresh, now, snapshotOf } from '../support/conversation-bench.js';

const types = ['direct', 'group', 'channel', 'community', 'announcement'] as const;
const actors = ['owner', 'admin', 'moderator', 'member', 'muted', 'left', 'never', 'banned'] as const;
type ActorName = (typeof actors)[number];
/** Whom it is about: somebody of a role, or nobody who is here. */
const others = ['owner', 'admin', 'moderator', 'member', 'absent'] as const;
type Other = (typeof others)[number];
type Outcome = 'done' | 'forbidden' | 'invalid' | 'no such conversation' | 'not found' | 'nothing';

/** O owner, A admin, M moderator, m member, - nobody: the lowest who may, in the order of `types`. */
const lowest = {
  send: 'm m m m A',
  'send to everyone': '- m M M A',
  'edit own': 'm m m m A',
  'delete own': 'm m m m A',
  'delete theirs': '- M M M A',
  react: 'm m m m m',
  unreact: 'm m m m m',
  pin: 'm m M M A',
  unpin: 'm m M M A',
  'change title': '- A A A A',
  archive: '- A A A A',
  'delete all': '- O O O O',
  add: '- A A M A',
  remove: '- A M M A',
  ban: '- A M M A',
  unban: '- A M M A',
  mute: '- M M M A',
  unmute: '- M M M A',
  'make moderator': '- A A A A',
  'make admin': '- A A A A',
  'make member': '- A A A A',
  'make owner': '- O O O O',
  'name oneself': 'm m m m m',
  'name them': '- A M M A',
  type: 'm m m m A',
} as const satisfies Record<string, string>;
type Ruled = keyof typeof lowest;

const rank: Record<string, number> = { m: 1, M: 2, A: 3, O: 4, '-': 9 };
const rankOf: Record<Role, number> = { member: 1, moderator: 2, admin: 3, owner: 4 };
const given: Partial<Record<Ruled, Role>> = {
  'make moderator': 'moderator',
  'make admin': 'admin',
  'make member': 'member',
  'make owner': 'owner',
};
const whileMuted: readonly Ruled[] = ['send', 'send to everyone', 'edit own', 'react', 'type'];
const overThem: readonly Ruled[] = [
  ...(['remove', 'ban', 'unban', 'mute', 'unmute', 'name them'] as const),
  ...(['make moderator', 'make admin', 'make member', 'make owner'] as const),
];

/** What SPEC says of it. */
function oracle(what: Ruled, type: ConversationType, actor: ActorName, other: Other): Outcome {
  if (actor === 'left' || actor === 'never' || actor === 'banned')
    return what === 'type' ? 'nothing' : 'no such conversation';
  const no: Outcome = what === 'type' ? 'nothing' : 'forbidden';
  const role: Role = actor === 'muted' ? 'member' : actor;
  const wanted = lowest[what].split(' ')[types.indexOf(type)] ?? '-';
  if (rankOf[role] < (rank[wanted] ?? 9)) return no;
  if (actor === 'muted' && whileMuted.includes(what)) return no;
  const theirs = other === 'absent' ? 0 : rankOf[other];
  if (what === 'delete theirs') return theirs > rankOf[role] ? 'forbidden' : 'done';
  if (what === 'add') return 'done';
  if (!overThem.includes(what)) return 'done';
  // Who is not here is below everybody, and there is little to do to them.
  if (other === 'absent') {
    if (what === 'ban') return 'done';
    return what === 'remove' || what === 'unban' || what === 'unmute' ? 'nothing' : 'not found';
  }
  if (theirs >= rankOf[role]) return 'forbidden';
  if (what === 'unban' || what === 'unmute') return 'nothing';
  const gift = given[what];
  if (gift === undefined) return 'done';
  if (gift === other) return 'nothing';
  return gift !== 'owner' && rankOf[gift] >= rankOf[role] ? 'forbidden' : 'done';
}

const message = fresh();

function requestOf(what: Ruled | 'join' | 'leave', user: string, member: string): ConversationMessage {
  const head = base(user);
  const on = { ...head, message };
  const about = { ...head, member };
  switch (what) {
    case 'send':
      return { kind: 'send', ...head, text: 'x' };
    case 'send to everyone':
      return { kind: 'send', ...head, text: 'x', everyone: true };
    case 'edit own':
      return { kind: 'edit', ...on, text: 'y' };
    case 'delete own':
    case 'delete theirs':
      return { kind: 'delete', ...on };
    case 'react':
    case 'unreact':
      return { kind: what, ...on, emoji: '👍' };
    case 'pin':
    case 'unpin':
      return { kind: what, ...on };
    case 'change title':
      return { kind: 'change', ...head, title: 'another' };
    case 'archive':
      return { kind: 'change', ...head, state: 'archived' };
    case 'delete all':
      return { kind: 'change', ...head, state: 'deleted' };
    case 'name oneself':
      return { kind: 'nickname', ...head, member: user, nickname: 'me' };
    case 'name them':
      return { kind: 'nickname', ...about, nickname: 'them' };
    case 'make admin':
    case 'make member':
    case 'make moderator':
    case 'make owner':
      return { kind: 'role', ...about, role: given[what] ?? 'member' };
    case 'type':
      return { kind: 'typing', user, conv, active: true, at: now };
    case 'join':
    case 'leave':
      return { kind: what, ...head };
    default:
      return { kind: what, ...about };
  }
}

interface Scene {
  readonly type: ConversationType;
  readonly actor: ActorName;
  readonly other?: Other;
  readonly author?: 'actor' | 'other';
  readonly state?: 'active' | 'archived' | 'deleted';
  readonly blockers?: readonly string[];
}

/** The users are called what they are; whom it is about is `other`. */
function membersOf({ actor, other = 'absent' }: Scene): KnownMember[] {
  const members: KnownMember[] = [];
  if (actor === 'muted') members.push({ user: 'actor', role: 'member', mutedUntil: now + 1000 });
  else if (actor !== 'left' && actor !== 'never' && actor !== 'banned')
    members.push({ user: 'actor', role: actor });
  if (other !== 'absent') members.push({ user: 'other', role: other });
  members.push({ user: 'somebody', role: 'member' });
  return members;
}

function play(scene: Scene, asked: ConversationMessage): { outcome: Outcome; answer: string } {
  const { type, actor, author = 'actor', state = 'active' } = scene;
  const isUnreact = asked.kind === 'unreact';
  const bench = createActive(
    { rate: 1e6 },
    snapshotOf({
      info: { conv, type, creator: 'somebody', state, createdAt: 1, title: 'a title' },
      members: membersOf(scene),
      standing: {
        ...nothing,
        isChanged: true,
        pins: asked.kind === 'unpin' ? [message] : [],
        bans: actor === 'banned' ? [{ user: 'actor', until: Number.POSITIVE_INFINITY }] : [],
      },
      blockers: scene.blockers ?? [],
    }),
  );
  const target: Target = {
    ...{ conv, from: author, seq: 1, number: 1, at: now, version: 1, isDeleted: false },
    ...{ hasReacted: isUnreact, hasEmoji: isUnreact, emojis: isUnreact ? 1 : 0 },
  };
  bench.turn(asked);
  for (const { done } of bench.targets.splice(0)) done({ kind: 'targets', targets: [target] });
  for (const done of bench.userChecks.splice(0)) done({ kind: 'checked', unknown: [], blocked: [] });
  bench.turn();
  const [post] = bench.posts;
  if (bench.appended().length > 0 || bench.ephemeral.length > 0) return { outcome: 'done', answer: '' };
  if (post === undefined || post.kind === 'ack' || post.kind === 'subscribed')
    return { outcome: 'nothing', answer: '' };
  const { request: _, ...told } = post as unknown as { request: number; code: string; message: string };
  const outcome = ((): Outcome => {
    if (told.code !== 'not_found') return told.code as Outcome;
    return told.message === 'There is no such conversation.' ? 'no such conversation' : 'not found';
  })();
  return { outcome, answer: JSON.stringify(told) };
}

/** What who asks for a conversation that does not exist is told. */
function answerOfNothing(asked: ConversationMessage): string {
  const bench = createActive(
    { rate: 1e6 },
    snapshotOf({ info: undefined, members: [], recent: [], head: { seq: 0, number: 0 } }),
  );
  bench.turn(asked);
  const { request: _, ...told } = bench.posts[0] as unknown as { request: number };
  return JSON.stringify(told);
}

const ruled = Object.keys(lowest) as Ruled[];

test('G1 G2 G3 G6 every operation × role × type × relation is answered as the table says', () => {
  let tried = 0;
  const wrong: string[] = [];
  const seen = new Map<Outcome, number>();
  for (const type of types)
    for (const actor of actors)
      for (const other of others)
        for (const what of ruled) {
          if (what === 'add' && other !== 'absent') continue;
          const author = what === 'delete theirs' ? 'other' : 'actor';
          const { outcome } = play({ type, actor, other, author }, requestOf(what, 'actor', 'other'));
          const expected = oracle(what, type, actor, other);
          if (outcome !== expected)
            wrong.push(`${what} in ${type} by ${actor} on ${other}: ${outcome}, not ${expected}`);
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
          tried += 1;
        }
  expect(wrong).toEqual([]);
  expect(tried).toBe(types.length * actors.length * (ruled.length * others.length - 4));
  for (const outcome of ['done', 'forbidden', 'no such conversation', 'not found', 'nothing'] as const)
    expect(seen.get(outcome) ?? 0).toBeGreaterThan(40);
});

test('G8 R6 what one may not see is answered byte for byte as what does not exist, whatever is asked', () => {
  const reads: ConversationMessage[] = [
    { kind: 'subscribe', request: 256, user: 'actor', conv },
    { kind: 'subscribe', request: 256, user: 'actor', conv, have: 0 },
    { kind: 'history', request: 256, user: 'actor', conv, limit: 10 },
    { kind: 'read', request: 256, user: 'actor', conv, seq: 1 },
  ];
  let compared = 0;
  for (const type of types)
    for (const [actor, state] of [
      ...(['left', 'never', 'banned'] as const).map((name) => [name, 'active'] as const),
      ...(['left', 'never', 'banned'] as const).map((name) => [name, 'archived'] as const),
      ...actors.map((name) => [name, 'deleted'] as const),
    ]) {
      const asked = [
        ...ruled.filter((what) => what !== 'type').map((what) => requestOf(what, 'actor', 'other')),
        ...reads,
        requestOf('leave', 'actor', 'other'),
        ...(state === 'deleted' || type === 'direct' || type === 'group'
          ? [requestOf('join', 'actor', 'other')]
          : []),
      ];
      for (const request of asked) {
        const { answer } = play({ type, actor, other: 'member', state }, request);
        expect(answer, `${request.kind} in ${state} ${type} by ${actor}`).toBe(answerOfNothing(request));
        compared += 1;
      }
    }
  expect(compared).toBeGreaterThan(1500);
});

test('G1 B2 whoever of the two has blocked the other: what is left takes away, all else is forbidden, in one sentence', () => {
  const left = new Set<Ruled>(['delete own', 'unreact', 'unpin']);
  const answers = new Map<string, Set<string>>();
  for (const actor of ['owner', 'member', 'muted'] as const)
    for (const other of ['owner', 'member'] as const)
      for (const what of ruled)
        for (const blockers of [['actor'], ['other'], ['other', 'actor']]) {
          const author = what === 'delete theirs' ? 'other' : 'actor';
          const scene = { type: 'direct', actor, other, author, blockers } as const;
          const { outcome, answer } = play(scene, requestOf(what, 'actor', 'other'));
          const expected = left.has(what) ? oracle(what, 'direct', actor, other) : undefined;
          expect(outcome, `${what} by ${actor}, blocked by ${blockers}`).toBe(
            expected ?? (what === 'type' ? 'nothing' : 'forbidden'),
          );
          const key = `${what} ${actor} ${other}`;
          answers.set(key, (answers.get(key) ?? new Set()).add(answer));
        }
  expect([...answers].filter(([, told]) => told.size !== 1)).toEqual([]);
  // To who is no member it stays what it was: nothing.
  for (const what of ruled)
    expect(
      play({ type: 'direct', actor: 'never', blockers: ['other'] }, requestOf(what, 'actor', '')).outcome,
    ).toBe(what === 'type' ? 'nothing' : 'no such conversation');
});

test('G5 G8 anybody joins what is open, but whom it bans; what is closed is not there for them', () => {
  for (const type of types)
    for (const actor of ['left', 'never', 'banned'] as const) {
      const isOpen = type !== 'direct' && type !== 'group';
      const closed = 'no such conversation';
      const expected = !isOpen ? closed : actor === 'banned' ? 'forbidden' : 'done';
      expect(play({ type, actor }, requestOf('join', 'actor', '')).outcome, `${type} ${actor}`).toBe(
        expected,
      );
    }
});

test('G4 an owner leaves only as the last one; nobody leaves a direct conversation', () => {
  for (const type of types)
    for (const actor of ['owner', 'admin', 'moderator', 'member', 'muted'] as const) {
      const expected = type === 'direct' || actor === 'owner' ? 'forbidden' : 'done';
      expect(play({ type, actor }, requestOf('leave', 'actor', '')).outcome, `${type} ${actor}`).toBe(
        expected,
      );
    }
  const alone = createActive({}, snapshotOf({ members: [{ user: 'actor', role: 'owner', mark: 0 }] }));
  alone.turn(requestOf('leave', 'actor', ''));
  expect(alone.appended().map(({ event }) => event.ev)).toEqual(['member.leave']);
});

test('G2 nobody removes, bans, mutes or promotes themselves', () => {
  for (const actor of ['owner', 'admin'] as const)
    for (const what of ['remove', 'ban', 'unban', 'mute', 'unmute', 'make member', 'make moderator'] as const)
      expect(play({ type: 'group', actor }, requestOf(what, 'actor', 'actor')).outcome, what).toBe('invalid');
});

test('G9 what is archived is read and made active again, by whom it may be changed, and nothing else', () => {
  for (const type of types)
    for (const what of ruled) {
      if (what === 'archive' || what === 'delete all') continue;
      const scene = { type, actor: 'owner', other: 'member', state: 'archived' } as const;
      const { outcome } = play(scene, requestOf(what, 'actor', 'other'));
      expect(outcome, `${what} ${type}`).toBe(what === 'type' ? 'nothing' : 'forbidden');
    }
  const active: ConversationMessage = { kind: 'change', ...base('actor'), state: 'active' };
  for (const actor of ['owner', 'admin', 'moderator', 'member'] as const)
    expect(play({ type: 'group', actor, state: 'archived' }, active).outcome).toBe(
      actor === 'owner' || actor === 'admin' ? 'done' : 'forbidden',
    );
  expect(
    play({ type: 'channel', actor: 'never', state: 'archived' }, requestOf('join', 'actor', '')).outcome,
  ).toBe('forbidden');
});

test('G8 a message of another conversation is answered as one that does not exist', () => {
  const told = (found: Target | undefined, asked: ConversationMessage) => {
    const bench = createActive({}, snapshotOf({ members: [{ user: 'actor', role: 'owner', mark: 0 }] }));
    bench.turn(asked);
    bench.targets[0]?.done({ kind: 'targets', targets: [found] });
    bench.turn();
    const { request: _, ...post } = bench.posts[0] as unknown as { request: number };
    return JSON.stringify(post);
  };
  const elsewhere: Target = {
    ...{ conv: fresh(), from: 'actor', seq: 1, number: 1, at: now, version: 0, isDeleted: false },
    ...{ hasReacted: false, hasEmoji: false, emojis: 0 },
  };
  for (const what of ['edit own', 'delete own', 'react', 'unreact', 'pin', 'unpin'] as const) {
    const asked = requestOf(what, 'actor', '');
    expect(told(elsewhere, asked), what).toBe(told(undefined, asked));
    expect(told(elsewhere, asked)).toContain('not_found');
  }
  const reply: ConversationMessage = { kind: 'send', ...base('actor'), text: 'x', replyTo: message };
  expect(told(elsewhere, reply)).toBe(told(undefined, reply));
});
