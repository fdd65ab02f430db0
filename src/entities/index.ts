/** All that is declared, by where its changes are told. */
import { conversations } from './conversations.js';
import type { Entity } from './entity.js';
import { members } from './members.js';
import { messageStates } from './message-states.js';
import { messages } from './messages.js';
import { sessions } from './sessions.js';
import { userSettings } from './user-settings.js';
import { users } from './users.js';

/** Their tables are watched (sql/logic/0007_entity_changes.up.sql). */
export const watchedEntities: readonly Entity[] = [
  ...[users, userSettings, sessions],
  ...[conversations, members, messageStates],
];

/** They come from the log: see log-changes.ts. */
export const loggedEntities: readonly Entity[] = [messages];

export const entities: readonly Entity[] = [...loggedEntities, ...watchedEntities];
