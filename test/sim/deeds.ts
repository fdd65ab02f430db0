/** What people do beside sending: to messages, to each other, to the conversation. */
import type { Role } from '#src/wire/events.js';
import type { DurableOperation } from '#src/wire/operations.js';
import type { SimDatabase } from '#test/support/sim-database.js';
import type { Draws } from '#test/support/sim-random.js';
import type { Unreferenced } from './device.js';

export const deedWeights = {
  edit: 4,
  delete: 2,
  react: 7,
  unreact: 3,
  pin: 1,
  unpin: 1,
  change: 1,
  role: 2,
  ban: 2,
  unban: 2,
  mute: 1,
  unmute: 1,
  nickname: 1,
} as const;

export type Deed = keyof typeof deedWeights;

export function isDeed(kind: string): kind is Deed {
  return kind in deedWeights;
}

/** Few, so that people meet. */
const emojis = ['👍', '❤️', 'x'];
/** Among so many events of the end somebody finds what they do something with. */
const recentMax = 40;

export interface DeedScene {
  readonly random: Draws;
  readonly database: SimDatabase;
  readonly users: readonly string[];
  readonly conv: string;
  readonly now: number;
  readonly id: string;
}

/** Who does it: mostly somebody who may. */
export function doerOf(kind: Deed, { random, database, users, conv }: DeedScene): string | undefined {
  const isMinor = kind === 'edit' || kind === 'react' || kind === 'unreact' || kind === 'nickname';
  if (isMinor || random.chance(0.2)) return undefined;
  const mighty = users.filter((user) => {
    const role = database.roleOf(conv, user);
    return role !== undefined && role !== 'member';
  });
  return mighty.length === 0 ? undefined : random.pick(mighty);
}

export function deedOf(kind: Deed, scene: DeedScene): Unreferenced<DurableOperation> {
  const { random, conv, id } = scene;
  const base = { id, conv };
  switch (kind) {
    case 'edit':
      return { op: kind, ...base, message: messageOf(scene), text: `edited ${random.between(0, 999)}` };
    case 'delete':
    case 'pin':
    case 'unpin':
      return { op: kind, ...base, message: messageOf(scene) };
    case 'react':
    case 'unreact':
      return { op: kind, ...base, message: messageOf(scene), emoji: random.pick(emojis) };
    case 'change':
      return { op: kind, ...base, ...changeOf(random) };
    default:
      return memberDeedOf(kind, scene);
  }
}

function memberDeedOf(
  kind: Exclude<Deed, 'edit' | 'delete' | 'pin' | 'unpin' | 'react' | 'unreact' | 'change'>,
  { random, users, conv, id, now }: DeedScene,
): Unreferenced<DurableOperation> {
  const about = { id, conv, member: random.pick(users) };
  switch (kind) {
    case 'role': {
      const role: Role = random.pick(['admin', 'admin', 'moderator', 'moderator', 'member', 'owner']);
      return { op: kind, ...about, role };
    }
    case 'ban':
    case 'mute': {
      const until = random.chance(0.6) ? { until: now + random.between(200, 5000) } : {};
      return { op: kind, ...about, ...until };
    }
    case 'nickname':
      return { op: kind, ...about, nickname: random.pick(['', 'one', 'two']) };
    default:
      return { op: kind, ...about };
  }
}

/** Mostly what does not stand in the way of the others. */
function changeOf(random: Draws) {
  return random.pick([
    { title: `title ${random.between(0, 9)}` },
    { description: random.pick(['', 'about']) },
    { membersMax: random.pick([0, 0, 6]) },
    { slowMs: random.pick([0, 0, 20]) },
    { state: random.pick(['active', 'active', 'archived'] as const) },
    { state: 'active' as const },
  ]);
}

function messageOf({ random, database, conv, id }: DeedScene): string {
  const head = database.headOf(conv);
  const after = random.chance(0.8) ? Math.max(0, head - recentMax) : 0;
  const events = database.read({ conv, after, before: head + 1, limit: 500, last: true });
  const messages = events.filter(({ ev }) => ev === 'message.new');
  return messages.length === 0 || random.chance(0.02) ? id : random.pick(messages.slice(-12)).id;
}
