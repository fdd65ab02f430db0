/** Who sent a message, beside it in its document: a mirror on a server over a real socket, and profiles that change. */
import { type Document, UUID } from 'mongodb';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Change, ElementFields } from '#src/entities/entity.js';
import { changesOfEvents } from '#src/entities/log-changes.js';
import { messages } from '#src/entities/messages.js';
import { users } from '#src/entities/users.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { MongoMirror } from '#src/storage/mongo/mongo-mirror.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';
import { Script } from '../support/log-events.js';
import { MirrorAsker } from '../support/mirrors.js';
import { type MongoServer, mongoHere, startMongo } from '../support/mongo-server.js';

const here = await mongoHere();

/** People as Postgres has them, and what a mirror asks it. */
class People {
  readonly stamps = new ChangeStamps();
  readonly conversations = new Map<string, string[]>();
  private readonly rows = new Map<string, { version: number; fields: ElementFields }>();
  asked = 0;
  /** Called after somebody was looked up, before the answer is used. */
  onAsked: () => void = () => {};

  add(id: string, displayName: string): Change {
    const absent = Object.fromEntries(Object.keys(users.fields).map((name) => [name, null]));
    const others = { emailVerified: false, phoneVerified: false, grade: 1, badges: [], state: 1 };
    return this.set(id, { ...absent, ...others, id, displayName, createdAt: 1_000, updatedAt: 1_000 });
  }

  change(id: string, fields: ElementFields, isStamped = true): Change {
    const change = this.set(id, { ...this.rows.get(id)?.fields, updatedAt: Date.now(), ...fields });
    if (isStamped) this.stamps.stamp(users.name, id);
    return change;
  }

  get ports() {
    return {
      stamps: this.stamps,
      users: async (ids: readonly string[]) => {
        this.asked += ids.length;
        const found = ids.map((id) => {
          const row = this.rows.get(id);
          return row === undefined ? undefined : { id, ...row };
        });
        this.onAsked();
        return found;
      },
      conversations: async (user: string) => this.conversations.get(user) ?? [],
    };
  }

  private set(id: string, fields: ElementFields): Change {
    const version = (this.rows.get(id)?.version ?? 0) + 1;
    this.rows.set(id, { version, fields });
    return { entity: users, id, version, fields };
  }
}

describe.runIf(here !== undefined)(`on ${here?.name}`, () => {
  let server: MongoServer;
  let connection: MongoConnection;
  const people = new People();
  let mirror: MongoMirror;
  let asker: MirrorAsker;
  let positions = 0;
  beforeAll(async () => {
    server = await startMongo();
    connection = new MongoConnection({ url: `${server.url}/${server.database}` });
    mirror = new MongoMirror({ connection, entities: [messages, users], senders: people.ports });
    asker = new MirrorAsker(mirror);
    await step('entities', []);
    await step('log/0', []);
  });
  afterAll(async () => {
    mirror.close();
    await connection.close();
    await server.stop();
  });

  const stands = new Map<string, number>();
  const step = async (source: string, changes: readonly Change[]) => {
    const from = stands.get(source);
    positions += 1;
    stands.set(source, positions);
    expect(await asker.apply({ source, from, to: positions, changes })).toEqual({
      kind: 'applied',
      poisoned: [],
    });
  };
  const documents = (sender: string): Promise<Document[]> =>
    connection.database
      .collection(messages.collection)
      .find({ sender_id: new UUID(sender) })
      .toArray();
  const namesOf = async (sender: string) =>
    (await documents(sender)).map(({ sender_info: info }) => (info as Document | null)?.display_name);
  const talk = (displayName: string) => {
    const script = new Script();
    people.conversations.set(script.owner, [script.conv]);
    return { script, created: people.add(script.owner, displayName) };
  };

  test('T13 a message is written with its sender, who is looked up once', async () => {
    const { script, created } = talk('Ada');
    await step('entities', [created]);
    people.asked = 0;
    await step('log/0', changesOfEvents([script.message('one'), script.message('two')], 1));
    await step('log/0', changesOfEvents([script.message('three')], 2));
    const [document] = await documents(script.owner);
    expect(document?.sender_info).toEqual({
      username: null,
      display_name: 'Ada',
      profile_picture_id: null,
    });
    expect(await namesOf(script.owner)).toEqual(['Ada', 'Ada', 'Ada']);
    expect(people.asked).toBe(1);
  });

  test('T13 a profile that changes is followed into every document of the sender, and of nobody else', async () => {
    const [one, other] = [talk('Bob'), talk('Cyd')];
    await step('entities', [one.created, other.created]);
    const events = [one.script.message('one'), other.script.message('other')];
    await step('log/0', changesOfEvents(events, 3));
    // By hand in Postgres: nobody has stamped it.
    await step('entities', [people.change(one.script.owner, { displayName: 'Robert' }, false)]);
    await step('log/0', changesOfEvents([one.script.message('two')], 4));
    expect(await namesOf(one.script.owner)).toEqual(['Robert', 'Robert']);
    expect(await namesOf(other.script.owner)).toEqual(['Cyd']);
    await step('entities', [people.change(one.script.owner, { state: 0 })]);
    expect(await namesOf(one.script.owner)).toEqual([undefined, undefined]);
  });

  test('T13 what nobody is shown beside a message moves none', async () => {
    const { script, created } = talk('Dan');
    await step('entities', [created]);
    people.conversations.set(script.owner, [script.conv]);
    const asked: string[] = [];
    const { conversations } = people;
    const get = conversations.get.bind(conversations);
    conversations.get = (user) => {
      asked.push(user);
      return get(user);
    };
    try {
      await step('entities', [people.change(script.owner, { bio: 'another life' })]);
      expect(asked).toEqual([]);
      await step('entities', [people.change(script.owner, { displayName: 'Daniel' })]);
      expect(asked).toEqual([script.owner]);
    } finally {
      conversations.get = get;
    }
  });

  test('T13 a profile that changes while its messages are on their way is not overtaken by them', async () => {
    const { script, created } = talk('Eve');
    await step('entities', [created]);
    let change: Change | undefined;
    people.onAsked = () => {
      // The lookup has said Eve; the change is followed before the message is there.
      change ??= people.change(script.owner, { displayName: 'Eva' });
    };
    try {
      await step('log/0', changesOfEvents([script.message('one')], 5));
    } finally {
      people.onAsked = () => {};
    }
    expect(await namesOf(script.owner)).toEqual(['Eva']);
    await step('entities', [change as Change]);
    expect(await namesOf(script.owner)).toEqual(['Eva']);
  });

  test('T13 a follow that was cut off is done again, since its own document still says the old name', async () => {
    const { script, created } = talk('Flo');
    await step('entities', [created]);
    await step('log/0', changesOfEvents([script.message('one')], 6));
    const change = people.change(script.owner, { displayName: 'Florence' });
    const { ports } = people;
    const cut = new MongoMirror({
      ...{ connection, entities: [messages, users] },
      senders: { ...ports, conversations: () => Promise.reject(new Error('cut')) },
    });
    try {
      const from = stands.get('entities');
      const failed = await new MirrorAsker(cut).apply({
        ...{ source: 'entities', from, to: positions + 1 },
        changes: [change],
      });
      expect(failed).toMatchObject({ kind: 'failed' });
      expect(await namesOf(script.owner)).toEqual(['Flo']);
    } finally {
      cut.close();
    }
    await step('entities', [change]);
    expect(await namesOf(script.owner)).toEqual(['Florence']);
  });

  test('T13 what a reader gives to Mongo of somebody does not hide that their messages are to be followed', async () => {
    const { script, created } = talk('Gil');
    await step('entities', [created]);
    await step('log/0', changesOfEvents([script.message('one')], 8));
    const change = people.change(script.owner, { displayName: 'Gilbert' });
    mirror.fill([change]);
    // Time for what must not happen.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await step('entities', [change]);
    expect(await namesOf(script.owner)).toEqual(['Gilbert']);
  });

  test('T13 a message of somebody who is no user has nobody beside it', async () => {
    const script = new Script({ owner: uuidv7() });
    await step('log/0', changesOfEvents([script.message('one')], 7));
    expect((await documents(script.owner)).map(({ sender_info: info }) => info as unknown)).toEqual([null]);
  });
});
