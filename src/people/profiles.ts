/** What people see and change of themselves, and see of others. Every change leaves a stamp before it is answered. */
import type { Sql } from 'postgres';
import { z } from 'zod';
import type { ElementFields, Entity } from '../entities/entity.js';
import { patchSchemaOf } from '../entities/schema.js';
import { sessions } from '../entities/sessions.js';
import { userSettings } from '../entities/user-settings.js';
import { users } from '../entities/users.js';
import { profileView, sessionView, settingsView, userView } from '../entities/views.js';
import { NuboError } from '../errors.js';
import type { Clock } from '../runtime/ports.js';
import type { EntityStore } from '../storage/postgres/entity-store.js';
import type { ChangeStamps } from '../storage/tiers/change-stamps.js';
import type { ElementReader } from '../storage/tiers/element-reader.js';
import type { OwnSession, Profile, PublicUser, Settings } from '../threads/services.js';
import { check, peopleLimits, userIds, username } from './rules.js';

const userPatch = patchSchemaOf(users);
const settingsPatch = patchSchemaOf(userSettings);
const userKeys = z.object({ ids: userIds, usernames: z.array(username).max(peopleLimits.bulkItemsMax) });
/** Live sessions that are listed. */
const sessionsMax = 1_000;
const deleted = 0;

export interface ProfilePorts {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly store: EntityStore;
  readonly reader: ElementReader;
  readonly stamps: ChangeStamps;
}

export interface Profiles {
  /** Each rejects with `not_found` when there is no such user, or no more. */
  me(user: string): Promise<Profile>;
  patchMe(user: string, fields: unknown): Promise<Profile>;
  settings(user: string): Promise<Settings>;
  patchSettings(user: string, fields: unknown): Promise<Settings>;
  /** Those that have not ended, the latest first. */
  sessions(user: string): Promise<OwnSession[]>;
  /** Those that exist, in no particular order. */
  find(keys: unknown): Promise<PublicUser[]>;
}

export function createProfiles(ports: ProfilePorts): Profiles {
  const { sql, clock, store, reader, stamps } = ports;

  async function fieldsOf(entity: Entity, id: string): Promise<ElementFields | undefined> {
    return (await reader.get(entity, [id])).get(id)?.fields;
  }

  async function me(user: string): Promise<Profile> {
    const fields = await fieldsOf(users, user);
    if (fields === undefined || fields.state === deleted) {
      throw new NuboError('not_found', 'There is no such user.', { stored: false });
    }
    return profileView.show(fields);
  }

  /** A write whose outcome is unknown may have changed it as well. */
  async function changing(entity: Entity, id: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } finally {
      stamps.stamp(entity.name, id);
    }
  }

  async function settings(user: string): Promise<Settings> {
    await me(user);
    return settingsView.show((await fieldsOf(userSettings, user)) ?? {});
  }

  return {
    me,
    settings,

    async patchMe(user, input) {
      const fields = check(userPatch, input);
      await me(user);
      await changing(users, user, () =>
        store.patch(users, user, user, { ...fields, updatedAt: clock.now() }),
      );
      return me(user);
    },

    async patchSettings(user, input) {
      const fields = check(settingsPatch, input);
      await me(user);
      await changing(userSettings, user, () => store.upsert(userSettings, [{ user, ...fields }]));
      return settings(user);
    },

    async sessions(user) {
      const rows = await store.owned(sessions, {
        owner: user,
        where: { revoked: false },
        limit: sessionsMax,
      });
      return rows.map((fields) => sessionView.show(fields));
    },

    async find(keys) {
      const { ids, usernames } = check(userKeys, keys);
      const named =
        usernames.length === 0
          ? []
          : await sql<{ id: string }[]>`
              select id from users
              where lower(username) in (select lower(value) from jsonb_array_elements_text(${sql.json(usernames)}))`;
      const found = await reader.get(users, [...ids, ...named.map(({ id }) => id)]);
      return [...found.values()].flatMap(({ fields }) =>
        fields === undefined || fields.state === deleted ? [] : [userView.show(fields)],
      );
    },
  };
}
