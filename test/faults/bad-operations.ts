/** Operations that are wrong in themselves, or not this person's to do: each is told why, and nothing changes. */
import { uuidv7 } from 'uuidv7';
import type { Codec } from '#src/wire/codec.js';
import { encodeOperations } from '#src/wire/codec.js';
import { wireLimits } from '#src/wire/limits.js';
import type { Operation } from '#src/wire/operations.js';
import type { WireSocket } from '#test/support/wire-socket.js';
import { type Case, headOf, mismatch, open, type Scene } from './bad-cases.js';

type Fields = Record<string, unknown>;
type Make = (scene: Scene) => Fields;

const send = (scene: Scene, fields: Fields): Fields => ({
  op: 'send',
  id: uuidv7(),
  conv: scene.room,
  text: 'never stored',
  ...fields,
});

/** About a message; there is none, but that is not looked at. */
const on = (scene: Scene, op: string, fields: Fields): Fields => ({
  ...{ op, id: uuidv7(), conv: scene.room, message: uuidv7() },
  ...fields,
});

/** About the room, or about Bob in it. */
const about = (scene: Scene, op: string, fields: Fields): Fields => ({
  ...{ op, id: uuidv7(), conv: scene.room },
  ...(op === 'change' ? {} : { member: scene.bob.user }),
  ...fields,
});

/** Wrong in both codecs (W16). */
const wrong: Readonly<Record<string, Make>> = {
  'text is a number': (scene) => send(scene, { text: 42 }),
  'text is an array': (scene) => send(scene, { text: ['a'] }),
  'text is missing': (scene) => send(scene, { text: undefined }),
  'text of 32 KiB and a byte': (scene) => send(scene, { text: 'x'.repeat(wireLimits.textBytesMax + 1) }),
  'text of 32 KiB and a byte in characters of three': (scene) => send(scene, { text: '☕'.repeat(10_923) }),
  'text with NUL': (scene) => send(scene, { text: 'before\u0000after' }),
  'text of NUL alone': (scene) => send(scene, { text: '\u0000' }),
  'id of version 4': (scene) => send(scene, { id: '9f1c2f44-8f5d-4c6a-9a3e-0d8b6a3c2d11' }),
  'id in upper case': (scene) => send(scene, { id: uuidv7().toUpperCase() }),
  'id that is no id': (scene) => send(scene, { id: 'x' }),
  'id is a number': (scene) => send(scene, { id: 7 }),
  'conv that is no id': (scene) => send(scene, { conv: 'general' }),
  'conv with SQL': (scene) => send(scene, { conv: "'; drop table users; --" }),
  'type system': (scene) => send(scene, { type: 'system' }),
  'a type nobody knows': (scene) => send(scene, { type: 'hologram' }),
  'metadata is a string': (scene) => send(scene, { metadata: 'x' }),
  'metadata of 9 KiB': (scene) => send(scene, { metadata: { x: 'y'.repeat(9 * 1024) } }),
  'metadata with NUL': (scene) => send(scene, { metadata: { x: { y: ['\u0000'] } } }),
  'metadata with NUL in a key': (scene) => send(scene, { metadata: { 'a\u0000b': 1 } }),
  'replyTo that is no id': (scene) => send(scene, { replyTo: 'x' }),
  'a member that is no id': () => ({ op: 'create', id: uuidv7(), type: 'group', members: ['x'] }),
  '201 members': () => ({
    op: 'create',
    id: uuidv7(),
    type: 'group',
    members: Array.from({ length: 201 }, () => uuidv7()),
  }),
  'a conversation of a type nobody knows': () => ({ op: 'create', id: uuidv7(), type: 'orgy' }),
  'a title of 201 characters': () => ({ op: 'create', id: uuidv7(), type: 'group', title: 't'.repeat(201) }),
  'a title with NUL': () => ({ op: 'create', id: uuidv7(), type: 'channel', title: 'a\u0000' }),
  'an edit without a text': (scene) => on(scene, 'edit', {}),
  'an edit with NUL': (scene) => on(scene, 'edit', { text: 'a\u0000' }),
  'an edit of 32 KiB and a byte': (scene) =>
    on(scene, 'edit', { text: 'x'.repeat(wireLimits.textBytesMax + 1) }),
  'an edit that mentions no id': (scene) => on(scene, 'edit', { text: 'a', mentions: ['bob'] }),
  'a deletion of no id': (scene) => on(scene, 'delete', { message: 'x' }),
  'a reaction of nothing': (scene) => on(scene, 'react', { emoji: '' }),
  'a reaction with a space': (scene) => on(scene, 'react', { emoji: 'a b' }),
  'a reaction of 65 bytes': (scene) => on(scene, 'react', { emoji: 'x'.repeat(65) }),
  'a reaction that steers a terminal': (scene) => on(scene, 'react', { emoji: '\u001b[2J' }),
  'a reaction taken back that is a number': (scene) => on(scene, 'unreact', { emoji: 7 }),
  'a pin of a message that is a list': (scene) => on(scene, 'pin', { message: [uuidv7()] }),
  'a change to a state nobody knows': (scene) => about(scene, 'change', { state: 'frozen' }),
  'a slow mode of a day': (scene) => about(scene, 'change', { slowMs: 86_400_000 }),
  'a slow mode backwards': (scene) => about(scene, 'change', { slowMs: -1 }),
  'an avatar that is a script': (scene) => about(scene, 'change', { avatar: 'javascript:alert(1)' }),
  'an avatar of another host without a scheme': (scene) =>
    about(scene, 'change', { avatar: '//evil.example/a' }),
  'a role nobody knows': (scene) => about(scene, 'role', { role: 'king' }),
  'a ban of nobody': (scene) => about(scene, 'ban', { member: '' }),
  'a ban until soon': (scene) => about(scene, 'ban', { until: 'soon' }),
  'a mute until before time': (scene) => about(scene, 'mute', { until: -1 }),
  'a mute with a reason of 501 characters': (scene) => about(scene, 'mute', { reason: 'r'.repeat(501) }),
  'a nickname of 65 characters': (scene) => about(scene, 'nickname', { nickname: 'n'.repeat(65) }),
  'mentions of 51': (scene) => send(scene, { mentions: Array.from({ length: 51 }, () => uuidv7()) }),
  'everyone is false': (scene) => send(scene, { everyone: false }),
  'no attachments, as a list': (scene) => send(scene, { attachments: [] }),
  'direct with oneself': (scene) => ({
    op: 'create',
    id: uuidv7(),
    type: 'direct',
    members: [scene.alice.user],
  }),
  'direct with two': (scene) => ({
    op: 'create',
    id: uuidv7(),
    type: 'direct',
    members: [scene.bob.user, scene.carol.user],
  }),
  'direct with nobody': () => ({ op: 'create', id: uuidv7(), type: 'direct' }),
};

/** The same of operations that are not stored. */
const wrongReads: Readonly<Record<string, Make>> = {
  'an operation nobody knows': () => ({ op: 'explode' }),
  'the name of a prototype': () => ({ op: 'constructor' }),
  'a page of 0': (scene) => ({ op: 'history', conv: scene.room, limit: 0 }),
  'a page of 101': (scene) => ({ op: 'history', conv: scene.room, limit: 101 }),
  'a page before and after': (scene) => ({ op: 'history', conv: scene.room, before: 5, after: 2 }),
  'a negative seq': (scene) => ({ op: 'history', conv: scene.room, after: -1 }),
  'half a seq': (scene) => ({ op: 'history', conv: scene.room, after: 1.5 }),
  'have is a string': (scene) => ({ op: 'subscribe', conv: scene.room, have: '1' }),
  'a list of 0': () => ({ op: 'conversations', limit: 0 }),
  'a list of 101': (scene) => ({ op: 'members', conv: scene.room, limit: 101 }),
  'a cursor of nonsense': () => ({ op: 'conversations', cursor: 'nonsense' }),
  'a cursor of another list': (scene) => ({ op: 'members', conv: scene.room, cursor: 'WzEsMl0' }),
  'a cursor of 1,025 characters': () => ({ op: 'conversations', cursor: 'c'.repeat(1025) }),
  'a conversation that is no id': () => ({ op: 'conversation', conv: 'general' }),
  'a message that is no id': () => ({ op: 'message', message: 'x' }),
  'users by nothing': () => ({ op: 'users' }),
  'users by names with SQL': () => ({ op: 'users', usernames: ["' or 1=1"] }),
  '101 users': () => ({ op: 'users', ids: Array.from({ length: 101 }, () => uuidv7()) }),
  'a change of oneself that is none': () => ({ op: 'me.change', fields: {} }),
  'a change of what one may not': () => ({ op: 'me.change', fields: { email: 'x@example.org' } }),
  'a setting of the wrong type': () => ({ op: 'settings.change', fields: { theme: 'dark' } }),
  'a setting that is a list': () => ({ op: 'settings.change', fields: [1] }),
  'a read mark at −1': (scene) => ({ op: 'read', conv: scene.room, seq: -1 }),
};

/** Only JSON can say these: in msgpack their bytes are no text (`bad_frame`). */
const wrongInJson: Readonly<Record<string, (scene: Scene) => string>> = {
  'a lone high surrogate': (scene) => rawSend(scene, '\\ud83d'),
  'a lone low surrogate': (scene) => rawSend(scene, '\\ude00'),
  'surrogates the wrong way round': (scene) => rawSend(scene, '\\ude00\\ud83d'),
  'a lone surrogate among text': (scene) => rawSend(scene, 'abc \\uDBFF def'),
  NUL: (scene) => rawSend(scene, 'a\\u0000b'),
};

function rawSend(scene: Scene, text: string): string {
  return `{"op":"send","ref":9,"id":"${uuidv7()}","conv":"${scene.room}","text":"${text}"}`;
}

export function badOperationCases(): Case[] {
  const codecs: readonly Codec[] = ['msgpack', 'json'];
  return [
    ...codecs.flatMap((codec) => [
      ...Object.entries(wrong).map(([name, make]) => wrongCase(codec, name, make)),
      ...Object.entries(wrongReads)
        .filter(([, make]) => codec === 'json' || !isNameless(make))
        .map(([name, make]) => wrongCase(codec, name, make)),
    ]),
    ...Object.entries(wrongInJson).map(
      ([name, frame]): Case => ({
        name: `json, ${name}`,
        run: (scene) => refused(scene, 'json', () => frame(scene)),
      }),
    ),
    unknownCode,
    neighboursInAFrame,
  ];
}

/** Names of operations exist in JSON only. */
function isNameless(make: Make): boolean {
  return make === wrongReads['an operation nobody knows'] || make === wrongReads['the name of a prototype'];
}

/** Of every wrong operation. */
const ref = 9;

function wrongCase(codec: Codec, name: string, make: Make): Case {
  const frame = (fields: Fields) =>
    codec === 'json' ? JSON.stringify(fields) : encodeOperations('msgpack', [fields as unknown as Operation]);
  return {
    name: `${codec}, ${name}`,
    run: (scene) => refused(scene, codec, () => frame({ ref, ...make(scene) })),
  };
}

/** Told so under its ref, the socket lives, and the room stands where it stood. */
async function refused(
  scene: Scene,
  codec: Codec,
  frame: () => string | Uint8Array,
): Promise<string | undefined> {
  const socket = await open(scene, scene.alice, codec);
  try {
    const before = await headOf(socket, scene.room);
    const answer = socket.answerOf(ref);
    socket.postFrame(frame());
    const told = await answer;
    // Whether it says `stored: false` depends on how far it was looked at.
    if (!('err' in told) || told.code !== 'invalid') return `was told ${JSON.stringify(told)}`;
    return await untouched(socket, scene.room, before);
  } finally {
    socket.close();
  }
}

async function untouched(socket: WireSocket, room: string, before: number): Promise<string | undefined> {
  const ping = await socket.ask({ op: 'ping' });
  if (!('ack' in ping)) return `a ping afterwards was told ${JSON.stringify(ping)}`;
  const head = await headOf(socket, room);
  return head === before ? undefined : `the head went from ${before} to ${head}`;
}

const unknownCode: Case = {
  name: 'msgpack, an operation nobody knows',
  run: (scene) => refused(scene, 'msgpack', () => Buffer.from([0x92, 0x63, ref])),
};

/** A wrong operation does not take its neighbours in the frame along (W16). */
const neighboursInAFrame: Case = {
  name: 'a wrong operation between right ones',
  async run(scene) {
    const socket = await open(scene, scene.alice, 'json');
    try {
      const answers = Promise.all([50, 51, 52].map((ref) => socket.answerOf(ref)));
      const operation = (ref: number, text: unknown) => ({ ref, ...send(scene, { text }) });
      socket.postFrame(JSON.stringify([operation(50, 'right'), operation(51, {}), operation(52, 'right')]));
      const [first, second, third] = await answers;
      if (first === undefined || second === undefined || third === undefined) return 'not answered';
      if (!('ack' in first) || !('ack' in third))
        return `the right ones were told ${JSON.stringify([first, third])}`;
      return mismatch(second, { code: 'invalid' });
    } finally {
      socket.close();
    }
  },
};
