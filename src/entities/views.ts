/** The shapes over REST of what there is, each made once. */
import { sessions } from './sessions.js';
import { userSettings } from './user-settings.js';
import { users } from './users.js';
import { viewOf } from './view.js';

export const userView = viewOf(users, 'everybody', 'User');
export const profileView = viewOf(users, 'owner', 'Profile');
export const settingsView = viewOf(userSettings, 'owner', 'Settings');
export const sessionView = viewOf(sessions, 'owner', 'Session');
