/** Random messages and operations of the wire, valid ones, for property tests. */
import fc from 'fast-check';
import { errorCodes } from '#src/wire/codes.js';
import type { ServerMessage } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });

export const uuid = fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map((parts) => parts.join('-'));

export const uuid7 = fc
  .tuple(hex(8), hex(4), hex(3), fc.constantFrom('8', '9', 'a', 'b'), hex(3), hex(12))
  .map(([a, b, c, variant, d, e]) => `${a}-${b}-7${c}-${variant}${d}-${e}`);

const isStorable = (text: string) => text.isWellFormed() && !text.includes('\u0000');

/** Texts of every script, with byte order marks, escapes and control characters, short and long. */
export const text = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.string({ maxLength: 400 }),
    fc.string({ unit: 'grapheme', maxLength: 100 }).map((rest) => `\ufeff${rest}`),
    fc.constantFrom('', '\\.', '\t\n', '"\\u0000"', 'ä'.repeat(1000), '\ufeff'.repeat(50)),
  )
  .filter(isStorable);

const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, min: -(2 ** 53 - 1), max: 2 ** 53 - 1 }).map((value) => value + 0),
);
const key = fc.string({ maxLength: 8 }).filter((name) => isStorable(name) && name !== '__proto__');

export const metadata: fc.Arbitrary<NonNullable<Operation<'send'>['metadata']>> = fc.dictionary(
  key,
  fc.letrec((tie) => ({
    leaf: fc.oneof(
      number,
      text.map((value) => value.slice(0, 20).toWellFormed()),
      fc.boolean(),
      fc.constant(null),
    ),
    value: fc.oneof(
      { maxDepth: 3 },
      tie('leaf'),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value,
  { maxKeys: 5, noNullPrototype: true },
) as fc.Arbitrary<NonNullable<Operation<'send'>['metadata']>>;

const seq = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const ref = fc.nat({ max: 0xffffffff });
const head = { conv: uuid, seq, number: seq, id: uuid7, from: uuid, at: seq };

const newMessage = fc.record(
  {
    ev: fc.constant('message.new'),
    ...head,
    text,
    type: fc.constantFrom('text', 'image', 'system'),
    metadata,
    replyTo: uuid7,
    mentions: fc.array(uuid, { maxLength: 3 }),
    everyone: fc.constant(true),
    attachments: fc.array(fc.record({ id: uuid, name: text, type: fc.constant('image/png'), size: seq }), {
      maxLength: 2,
    }),
    state: fc.record(
      {
        version: seq,
        editedAt: seq,
        deletedBy: uuid,
        reactions: fc.array(fc.tuple(text, seq, fc.boolean()), { maxLength: 3 }),
      },
      { requiredKeys: ['version'] },
    ),
    parent: fc.record(
      { id: uuid7, from: uuid, seq, preview: text, deleted: fc.constant(true) },
      { requiredKeys: ['id', 'from', 'seq', 'preview'] },
    ),
  },
  { requiredKeys: ['ev', 'conv', 'seq', 'number', 'id', 'from', 'at', 'text'] },
);

const onMessage = { message: uuid7, messageSeq: seq };

export const logEvent = fc.oneof(
  newMessage,
  fc.record(
    {
      ev: fc.constant('conversation.create'),
      ...head,
      type: fc.constant('group'),
      title: text,
      members: fc.array(uuid),
    },
    { requiredKeys: ['ev', 'conv', 'seq', 'number', 'id', 'from', 'at', 'type', 'members'] },
  ),
  fc.record({ ev: fc.constantFrom('member.join', 'member.leave'), ...head }),
  fc.record({ ev: fc.constantFrom('member.add', 'member.remove', 'member.unban'), ...head, user: uuid }),
  fc.record(
    { ev: fc.constant('message.edit'), ...head, ...onMessage, text, metadata, mentions: fc.array(uuid) },
    { requiredKeys: ['ev', 'conv', 'seq', 'number', 'id', 'from', 'at', 'message', 'messageSeq', 'text'] },
  ),
  fc.record({
    ev: fc.constant('message.delete'),
    ...head,
    ...onMessage,
    messageNumber: seq,
    author: uuid,
    sentAt: seq,
  }),
  fc.record({ ev: fc.constantFrom('reaction.add', 'reaction.remove'), ...head, ...onMessage, emoji: text }),
  fc.record(
    { ev: fc.constantFrom('member.ban', 'member.mute'), ...head, user: uuid, until: seq, reason: text },
    { requiredKeys: ['ev', 'conv', 'seq', 'number', 'id', 'from', 'at', 'user'] },
  ),
  fc.record(
    { ev: fc.constant('conversation.change'), ...head, title: text, slowMs: seq },
    { requiredKeys: ['ev', 'conv', 'seq', 'number', 'id', 'from', 'at'] },
  ),
);

export const serverMessage = fc.oneof(
  logEvent,
  fc.record(
    {
      ack: ref,
      id: uuid7,
      seq,
      at: seq,
      conv: uuid,
      head: seq,
      events: fc.array(logEvent, { maxLength: 4 }),
      result: metadata,
    },
    { requiredKeys: ['ack'] },
  ),
  fc.record(
    {
      err: fc.option(ref),
      code: fc.constantFrom(...Object.keys(errorCodes)),
      message: text,
      retryMs: seq,
      stored: fc.constant(false),
      at: seq,
    },
    { requiredKeys: ['err', 'code', 'message'] },
  ),
  fc.record({ ev: fc.constant('gap'), conv: uuid, have: seq, head: seq }),
  fc.record({ ev: fc.constant('resumed'), conv: uuid, upTo: seq }),
  fc.record({ ev: fc.constantFrom('typing.start', 'typing.stop'), conv: uuid, from: uuid }),
  fc.record(
    {
      ev: fc.constant('presence.update'),
      user: uuid,
      status: fc.constantFrom('online', 'away', 'offline'),
      lastSeen: seq,
    },
    { requiredKeys: ['ev', 'user', 'status'] },
  ),
  fc.record({
    ev: fc.constant('hello'),
    session: uuid,
    user: uuid,
    at: seq,
    heartbeatMs: seq,
    limits: fc.dictionary(key, seq, { noNullPrototype: true }),
  }),
) as fc.Arbitrary<ServerMessage>;

const durable = { ref, id: uuid7 };

export const operation = fc.oneof(
  fc.record(
    {
      op: fc.constant('send'),
      ...durable,
      conv: uuid,
      text,
      type: fc.constant('image'),
      metadata,
      replyTo: uuid7,
    },
    { requiredKeys: ['op', 'ref', 'id', 'conv', 'text'] },
  ),
  fc.record(
    { op: fc.constant('subscribe'), ref, conv: uuid, have: seq },
    { requiredKeys: ['op', 'ref', 'conv'] },
  ),
  fc.record(
    {
      op: fc.constant('history'),
      ref,
      conv: uuid,
      before: seq,
      after: seq,
      limit: fc.integer({ min: 1, max: 100 }),
    },
    { requiredKeys: ['op', 'ref', 'conv'] },
  ),
  fc.record({ op: fc.constantFrom('join', 'leave'), ...durable, conv: uuid }),
  fc.record({ op: fc.constantFrom('add', 'remove'), ...durable, conv: uuid, member: uuid }),
  fc.record(
    {
      op: fc.constant('create'),
      ...durable,
      type: fc.constant('group'),
      members: fc.array(uuid, { maxLength: 5 }),
    },
    { requiredKeys: ['op', 'ref', 'id', 'type'] },
  ),
  fc.record({ op: fc.constantFrom('delete', 'pin', 'unpin'), ...durable, conv: uuid, message: uuid7 }),
  fc.record({
    op: fc.constantFrom('react', 'unreact'),
    ...durable,
    conv: uuid,
    message: uuid7,
    emoji: fc.constantFrom('👍', '👩‍👩‍👧‍👦', 'thumbs_up'),
  }),
  fc.record(
    { op: fc.constant('edit'), ...durable, conv: uuid, message: uuid7, text, metadata },
    { requiredKeys: ['op', 'ref', 'id', 'conv', 'message', 'text'] },
  ),
  fc.record(
    {
      op: fc.constantFrom('ban', 'mute'),
      ...durable,
      conv: uuid,
      member: uuid,
      until: fc.nat({ max: 253_370_764_799_999 }),
    },
    { requiredKeys: ['op', 'ref', 'id', 'conv', 'member'] },
  ),
  fc.record(
    { op: fc.constantFrom('members', 'bans'), ref, conv: uuid, limit: fc.integer({ min: 1, max: 100 }) },
    { requiredKeys: ['op', 'ref', 'conv'] },
  ),
  fc.record({ op: fc.constant('me.change'), ref, fields: metadata }),
  fc.record({ op: fc.constant('read'), ref, conv: uuid, seq }),
  fc.record({ op: fc.constant('ping'), ref }),
  fc.record({ op: fc.constant('presence.set'), ref, status: fc.constantFrom('online', 'away', 'invisible') }),
  fc.record({
    op: fc.constant('presence.watch'),
    ref,
    users: fc.array(uuid, { minLength: 1, maxLength: 5 }),
  }),
  fc.record({ op: fc.constant('typing.start'), ref, conv: uuid }, { requiredKeys: ['op', 'conv'] }),
) as fc.Arbitrary<Operation>;
