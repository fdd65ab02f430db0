import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clockTime, eventLine, harmless, membersAt, plain } from '#cli/chat/lines.js';
import { Recent } from '#cli/chat/recent.js';
import { runChat } from '#cli/chat.js';
import { mint } from '#cli/token.js';
import type { LogEvent } from '#src/wire/events.js';
import { FakeServer, user } from './client-server.js';

const garden = '018f4e2a-7b1c-7abc-a000-0000000000cc';
const bob = '3f2504e0-4f89-81d3-9a0c-0305e82c3302';
const pair = { user, accessToken: 'token', accessExpiresAt: Date.now() + 900_000, refreshToken: 'r' };

let server: FakeServer;
let accounts: Map<string, string>;
let channels: string[];

beforeEach(async () => {
  server = await FakeServer.start();
  accounts = new Map([['ada', 'right password']]);
  channels = ['garden'];
  server.onRest = answer;
  server.intercept = (operation, peer) => {
    if (operation.op !== 'create') return false;
    server.append(garden, 'made', operation.id);
    peer.tell({ ack: operation.ref, id: operation.id, seq: 1, at: 1, conv: garden });
    return true;
  };
});

afterEach(() => server.stop());

function answer(method: string, path: string, body: Record<string, unknown>): object {
  const problem = (status: number, code: string, detail: string) => ({ status, code, detail });
  switch (`${method} ${path.replace(/\?.*/, '')}`) {
    case 'POST /login':
      if (accounts.get(String(body.name)) === body.password) return pair;
      return problem(401, 'unauthorized', 'Wrong name or password.');
    case 'POST /signup':
      if (accounts.has(String(body.username))) return problem(409, 'taken', 'Somebody has this name.');
      accounts.set(String(body.username), String(body.password));
      return pair;
    case 'GET /me':
      return problem(401, 'unauthorized', 'This is not a token.');
    case 'GET /users':
      if (path.includes('usernames=nobody')) return { users: [] };
      return {
        users: [
          { id: user, username: 'ada', displayName: null },
          { id: bob, username: 'bob', displayName: 'Bob B.' },
        ].filter(({ id, username }) => path.includes(id) || path.includes(`usernames=${username}`)),
      };
    case 'GET /channels':
      return {
        conversations: channels
          .filter((title) => path.includes(title))
          .map((title) => ({ id: garden, type: 'channel', title, peer: null })),
      };
    case 'GET /conversations':
      return { conversations: [] };
    case 'POST /operator/users':
      return { users: [{ sub: 'ada', user }] };
    case 'POST /operator/tokens':
      return { tokens: [{ user: (body.users as string[])[0], token: 't', jti: 'j', expiresAt: 5 }] };
    default:
      return problem(404, 'not_found', path);
  }
}

/** Types the lines, waits for the end, and returns what was shown. */
async function chat(lines: string[], options: object = {}, room = 'garden'): Promise<string[]> {
  const input = new PassThrough();
  const output = new PassThrough();
  let shown = '';
  output.on('data', (text) => {
    shown += text;
  });
  input.end(lines.map((line) => `${line}\n`).join(''));
  await runChat(
    room,
    { url: server.restUrl, user: 'ada', password: 'right password', ...options },
    { input, output },
  );
  return shown.split('\n').map((line) => line.replace(/^\d\d:\d\d /, ''));
}

const textsOf = () => server.log(garden).map((event) => event.ev === 'message.new' && event.text);

describe('nubo chat', () => {
  test('P1 sends the lines of a pipe and ends when all are stored', async () => {
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`);
    await chat([...lines, '', '   ', '//slash']);
    expect(textsOf()).toEqual(['join', ...lines, '/slash']);
  });

  test('W11 shows the last lines of the past on entering, with names', async () => {
    for (let n = 1; n <= 50; n++) server.append(garden, `old ${n}`);
    const shown = await chat([]);
    expect(shown.slice(0, 4)).toEqual([
      'You are ada. /help shows what there is.',
      'You are in #garden.',
      'ada: old 22',
      'ada: old 23',
    ]);
    expect(shown.filter((line) => line.startsWith('ada: old'))).toHaveLength(29);
  });

  test('a room that nobody has is made, and one more can be joined', async () => {
    channels = [];
    const shown = await chat(['one', '/join shed', 'two', '/quit', 'never'], {}, 'kitchen');
    expect(shown).toContain('#kitchen is a new room.');
    expect(shown).toContain('#shed is a new room.');
    expect(textsOf()).toEqual(['made', 'one', 'made', 'two']);
  });

  test('@somebody is a conversation of two', async () => {
    const shown = await chat(['psst'], {}, '@bob');
    expect(shown).toContain('You are in @Bob B..');
    expect(server.operations.find(({ op }) => op === 'create')).toMatchObject({
      type: 'direct',
      members: [bob],
    });
    await expect(chat([], {}, '@nobody')).rejects.toThrow('Nobody is called nobody.');
    await expect(chat([], {}, '@ada')).rejects.toThrow('That is you.');
  });

  test('/help, /who and what there is not', async () => {
    const shown = await chat(['/help', '/who', '/dance', '/join']);
    expect(shown).toContain('/who            who is in this room');
    expect(shown.some((line) => line.endsWith('in this room: '))).toBe(true);
    expect(shown).toContain('There is no /dance; /help shows what there is.');
    expect(shown).toContain('A room needs a name.');
  });

  test('W17 speaks of the last message: reply, edit, delete, react', async () => {
    const theirs = { ...server.append(garden, 'theirs', '018f4e2a-7b1c-7000-8000-0000000000aa'), from: bob };
    server.log(garden)[0] = theirs;
    const shown = await chat([
      '/edit better',
      '/delete',
      '/react 👍',
      '/reply indeed',
      '/edit',
      '/react a b',
    ]);
    // The server of this test keeps everything as a message, also that Ada has joined.
    const mine = server.log(garden)[1];
    const asked = server.operations.filter(({ op }) => ['edit', 'delete', 'react', 'send'].includes(op));
    expect(asked).toMatchObject([
      { op: 'edit', conv: garden, message: mine?.id, text: 'better' },
      { op: 'delete', message: mine?.id },
      { op: 'react', message: mine?.id, emoji: '👍' },
      { op: 'send', text: 'indeed', replyTo: theirs.id },
    ]);
    expect(shown).toContain('/edit needs something after it; see /help.');
    expect(shown).toContain('react: emoji must be an emoji or a short name.');
  });

  test('W16 a line that is refused is said so, and the next one is sent', async () => {
    const shown = await chat(['x'.repeat(40_000), 'short']);
    expect(shown).toContain('send: text must be at most 32768 bytes of UTF-8.');
    expect(textsOf()).toEqual(['join', 'short']);
  });

  test('a name that is free becomes an account; one that is taken needs its password', async () => {
    const shown = await chat([], { user: 'eve', password: 'a new password' });
    expect(shown[0]).toBe('A new account was made: you are ada. /help shows what there is.');
    expect(accounts.get('eve')).toBe('a new password');
    await expect(chat([], { password: 'wrong' })).rejects.toThrow('That is not the password of ada.');
  });

  test.each([
    [{ password: undefined }, 'UserError', 'Who are you? Give --user and --password, or --token.'],
    [{ token: 'abc' }, 'UserError', 'This is not a token.'],
    [
      { url: 'http://127.0.0.1:9' },
      'StartError',
      'No server answers at http://127.0.0.1:9. Start one with: npm start',
    ],
    [{ url: 'ftp://x' }, 'UserError', 'ftp://x is no address of a server, as http://127.0.0.1:8080 is one.'],
    [
      { url: undefined, data: '/nowhere' },
      'UserError',
      'No running server was found: /nowhere has none. Start one with: npm start',
    ],
  ])('O1 a mistake is one sentence (%#)', async (options, name, message) => {
    await expect(chat([], options)).rejects.toMatchObject({ name, message });
  });

  test('W9 a session that is ended ends the chat with the reason', async () => {
    const input = new PassThrough();
    const running = runChat(
      'garden',
      { url: server.restUrl, user: 'ada', password: 'right password' },
      { input, output: new PassThrough().resume() },
    );
    const ended = expect(running).rejects.toThrow(/4503, session_ended/);
    while (server.log(garden).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const peer of server.peers) peer.close('session_ended');
    await ended;
  });
});

describe('lines', () => {
  const head = { conv: garden, number: 0, id: 'i', from: user, at: 0 };
  const nameOf = (id: string) => (id === bob ? 'Bob\u001b[31m' : 'ada');
  const previewOf = (message: string) => (message === 'm' ? 'what\u0007ever' : undefined);
  const line = (event: LogEvent) => eventLine(event, { nameOf, previewOf }, plain).replace(/^\S+ /, '');

  test('what others write cannot steer the terminal', () => {
    expect(harmless('a\u001b[2Jb\u0007\u009b31m\u202e\r\n  c\td')).toBe('a[2Jb31m cd');
    expect(harmless('Grüße 😀 مرحبا')).toBe('Grüße 😀 مرحبا');
    expect(line({ ev: 'message.new', ...head, seq: 1, from: bob, text: 'x\u001b]0;title\u0007' })).toBe(
      'Bob[31m: x]0;title',
    );
  });

  test('each event is a line', () => {
    expect(line({ ev: 'message.new', ...head, seq: 1, text: 'hi' })).toBe('ada: hi');
    expect(line({ ev: 'message.new', ...head, seq: 1, text: 'waves', metadata: { action: true } })).toBe(
      '* ada waves',
    );
    expect(line({ ev: 'member.join', ...head, seq: 1 })).toBe('— ada joined');
    expect(line({ ev: 'member.leave', ...head, seq: 1 })).toBe('— ada left');
    expect(line({ ev: 'member.add', ...head, seq: 1, user: bob })).toBe('— ada added Bob[31m');
    expect(line({ ev: 'member.remove', ...head, seq: 1, user: bob })).toBe('— ada removed Bob[31m');
    expect(
      line({ ev: 'conversation.create', ...head, seq: 1, type: 'channel', title: 'x\u0007', members: [] }),
    ).toBe('— ada made the room x');
    expect(clockTime(new Date(2026, 0, 1, 7, 5).getTime())).toBe('07:05');
  });

  test('what becomes of a message is a line, and stands behind a message of the past', () => {
    const on = { ...head, seq: 9, from: bob, message: 'm', messageSeq: 1 };
    expect(line({ ev: 'message.edit', ...on, text: 'else' })).toBe('— Bob[31m edited “whatever”: else');
    expect(line({ ev: 'message.edit', ...on, text: '' })).toBe(
      '— Bob[31m edited “whatever”: it was deleted since',
    );
    expect(
      line({ ev: 'message.delete', ...on, message: 'old', messageNumber: 1, author: bob, sentAt: 1 }),
    ).toBe('— Bob[31m deleted a message');
    expect(line({ ev: 'reaction.add', ...on, emoji: '👍' })).toBe('— Bob[31m reacted with 👍 to “whatever”');
    const said = { ev: 'message.new', ...head, seq: 1, text: 'hi' } as const;
    const state = {
      version: 4,
      editedAt: 1,
      pinnedAt: 2,
      reactions: [['👍', 2, false]] as Array<[string, number, boolean]>,
    };
    expect(line({ ...said, state })).toBe('ada: hi (edited)  (pinned)  👍 2');
    expect(line({ ...said, text: '', state: { version: 4, deletedAt: 1 } })).toBe(
      '— ada said something that was deleted',
    );
    const parent = { id: 'm', from: bob, seq: 1, preview: 'why?' };
    expect(line({ ...said, parent })).toBe('ada: ↪ Bob[31m “why?” hi');
    expect(line({ ...said, parent: { ...parent, preview: '', deleted: true } })).toBe(
      'ada: ↪ Bob[31m “something deleted” hi',
    );
  });

  test('the last message is told from the others, until it is gone', () => {
    const recent = new Recent();
    const said = (id: string, from: string): LogEvent => ({
      ev: 'message.new',
      ...head,
      seq: 1,
      id,
      from,
      text: id,
    });
    for (let n = 0; n < 300; n++) recent.note(said(`m${n}`, n % 2 === 0 ? user : bob));
    expect(
      [recent.last(), recent.last({ from: user }), recent.last({ notFrom: bob })].map((one) => one?.id),
    ).toEqual(['m299', 'm298', 'm298']);
    const on = { ...head, seq: 400, messageSeq: 1 };
    recent.note({ ev: 'message.edit', ...on, message: 'm298', text: 'z'.repeat(50) });
    expect(recent.preview('m298')).toBe(`${'z'.repeat(39)}…`);
    recent.note({ ev: 'message.delete', ...on, message: 'm299', messageNumber: 1, author: bob, sentAt: 1 });
    expect(recent.last()?.id).toBe('m298');
    expect([recent.preview('m99'), recent.preview('m299'), recent.preview('m101')]).toEqual([
      undefined,
      undefined,
      'm101',
    ]);
  });

  test('the last word about each decides who is here', () => {
    const events: LogEvent[] = [
      { ev: 'conversation.create', ...head, seq: 1, type: 'group', members: ['b', 'c'] },
      { ev: 'member.add', ...head, seq: 2, user: 'd' },
      { ev: 'member.remove', ...head, seq: 3, user: 'b' },
      { ev: 'member.leave', ...head, seq: 4, from: 'd' },
      { ev: 'member.join', ...head, seq: 5, from: 'd' },
      { ev: 'member.leave', ...head, seq: 6, from: 'c' },
    ];
    expect(membersAt(events.reverse())).toEqual(['d', user]);
  });
});

describe('nubo token', () => {
  test('H7 mints for a user by id, or by the name an application has for one', async () => {
    const options = { url: server.restUrl, operatorKey: 'k', seconds: 60, limits: 'standard' } as const;
    expect(await mint(bob, options)).toEqual({ user: bob, token: 't', jti: 'j', expiresAt: 5 });
    expect(await mint('ada', options)).toMatchObject({ user });
    await expect(mint('ada', { url: server.restUrl, seconds: 60, limits: 'standard' })).rejects.toThrow(
      'The operator key of the server is needed',
    );
    server.onRest = () => ({ status: 401, code: 'unauthorized', detail: 'An operator key is needed.' });
    await expect(mint('ada', options)).rejects.toMatchObject({
      name: 'UserError',
      message: 'An operator key is needed.',
    });
  });
});
