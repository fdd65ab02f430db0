/** What people do in a conversation: any of it, whether they may or not. */
import type { Client } from '#client/client.js';
import type { ShownMessage } from '#client/model/message.js';
import type { Role } from '#src/wire/events.js';
import type { DurableName } from '#src/wire/operations.js';
import type { Draws } from '#test/support/sim-random.js';

type Performed = Parameters<Client['perform']>[0];
type ActionName = Exclude<DurableName, 'create'>;

/** How often each is done. */
const weights: Readonly<Record<ActionName, number>> = {
  ...{ send: 26, edit: 14, delete: 5, react: 22, unreact: 9, pin: 4, unpin: 3 },
  ...{ change: 3, role: 2, ban: 1, unban: 1, mute: 1, unmute: 1, nickname: 3 },
  ...{ join: 6, leave: 1, add: 6, remove: 1 },
};
const emojis = ['👍', '❤️', 'party', '🙂', '👩‍👩‍👧‍👦'] as const;
const texts = ['a', 'two words', 'wörds and 日本', '🙂'.repeat(160), 'it\'s "quoted" \\ {}'] as const;
const roles: readonly Role[] = ['member', 'member', 'moderator', 'admin', 'owner'];
/** Messages that most things happen to: the last ones, and a few that everybody knows. */
const recent = 12;
const famous = 3;

export interface Scene {
  readonly conv: string;
  readonly random: Draws;
  readonly users: readonly string[];
  /** Who does it. */
  readonly user: string;
  /** What is there to be done something with. */
  messages(): readonly ShownMessage[];
  id(): string;
}

/** One of them at random. */
export function draw(scene: Scene): Performed {
  return make(scene, scene.random.weighted(weights));
}

/** @throws Error when there is nothing yet to do that with */
function make(scene: Scene, op: ActionName): Performed {
  const { conv, random, users } = scene;
  const id = scene.id();
  const member = random.pick(users);
  const target = pickMessage(scene);
  switch (op) {
    case 'send': {
      const replyTo = target !== undefined && random.chance(0.3) ? { replyTo: target.id } : {};
      const mentions = random.chance(0.2) ? { mentions: [member] } : {};
      const metadata = random.chance(0.1) ? { metadata: { n: random.between(1, 9) } } : {};
      return { op, id, conv, text: textOf(scene), ...replyTo, ...mentions, ...metadata };
    }
    case 'join':
    case 'leave':
      return { op, id, conv };
    case 'change':
      return { op, id, conv, ...pickChange(random) };
    case 'add':
    case 'remove':
    case 'unban':
    case 'unmute':
      return { op, id, conv, member };
    case 'ban':
    case 'mute':
      return { op, id, conv, member, ...(random.chance(0.5) ? { reason: 'so it is' } : {}) };
    case 'role':
      return { op, id, conv, member, role: random.pick(roles) };
    case 'nickname':
      return { op, id, conv, member, nickname: random.pick(['', 'Ada', 'Bob the second']) };
    default:
      return target === undefined
        ? { op: 'send', id, conv, text: textOf(scene) }
        : onMessage(scene, op, target.id);
  }
}

type MessageAction = 'edit' | 'delete' | 'react' | 'unreact' | 'pin' | 'unpin';

function onMessage(scene: Scene, op: MessageAction, anybodys: string): Performed {
  const { conv, random } = scene;
  const id = scene.id();
  const isOwn = (op === 'edit' || op === 'delete') && random.chance(0.85);
  const message = (isOwn ? pickMessage(scene, scene.user)?.id : undefined) ?? anybodys;
  if (op === 'react' || op === 'unreact') return { op, id, conv, message, emoji: random.pick(emojis) };
  if (op !== 'edit') return { op, id, conv, message };
  const metadata = random.chance(0.2) ? { metadata: { edited: random.between(1, 9) } } : {};
  const mentions = random.chance(0.2) ? { mentions: [random.pick(scene.users)] } : {};
  return { op, id, conv, message, text: textOf(scene), ...metadata, ...mentions };
}

function pickMessage(scene: Scene, author?: string): ShownMessage | undefined {
  const { random } = scene;
  const messages = scene.messages().filter(({ from }) => author === undefined || from === author);
  if (messages.length === 0) return undefined;
  const draw = random.next();
  if (draw < 0.5) return messages[Math.max(0, messages.length - random.between(1, recent))];
  if (draw < 0.8) return messages[Math.min(messages.length, random.between(1, famous)) - 1];
  return random.pick(messages);
}

/** No two alike, so that what is stale can be told. */
function textOf({ random, id }: Scene): string {
  return `${random.pick(texts)} ${id().slice(-10)}`;
}

function pickChange(random: Draws) {
  const changes = [
    { title: random.pick(['a title', 'another']) },
    { description: random.pick(['', 'what it is about']) },
    { avatar: random.pick(['', '/avatars/1']) },
    { slowMs: random.pick([0, 0, 0, 50]) },
    { membersMax: random.pick([0, 50]) },
  ];
  return { ...random.pick(changes), ...(random.chance(0.3) ? random.pick(changes) : {}) };
}
