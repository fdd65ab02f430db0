/** What an error of Mongo or of its driver means: a sentence for whoever runs nubo, and whether the server is away. */
import {
  MongoCompatibilityError,
  MongoError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from 'mongodb';

const unauthorized = 13;
const authenticationFailed = 18;
const duplicateKey = 11_000;

/**
 * Codes that say nothing of what was sent: no primary, a shutdown, time limits, locks, a full disk, a write concern
 * that was not met. The same call may succeed later.
 */
const passingCodes: ReadonlySet<unknown> = new Set([
  6, 7, 24, 46, 50, 64, 89, 91, 100, 112, 133, 134, 136, 175, 189, 202, 225, 262, 290, 314, 365, 9001, 10_058,
  10_107, 11_600, 11_601, 11_602, 12_501, 13_388, 13_435, 13_436, 14_031, 20_250, 50_913,
]);

/** The server cannot be used now, whatever it is asked: no other call need be tried for a moment. */
export function isOutage(error: unknown): boolean {
  if (error instanceof MongoServerError) return error.code !== unauthorized && !isRefusal(error);
  if (error instanceof MongoInvalidArgumentError) return false;
  return error instanceof MongoError;
}

/** The server understood, and will not take what was sent, now or later. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof MongoServerError)) return false;
  return isRefusalCode(error.code) && !error.hasErrorLabel('RetryableWriteError');
}

export function isRefusalCode(code: unknown): boolean {
  return code !== unauthorized && code !== authenticationFailed && !passingCodes.has(code);
}

export function isDuplicateKey(code: unknown): boolean {
  return code === duplicateKey;
}

/**
 * Whether it is the id that was there already. Servers name the index (`index: mail_1 dup key`, DocumentDB says
 * `Index 'mail_1'`); one that does not can only mean the id, the others being the mirror's own business.
 *
 * @param message of a duplicate key
 */
export function isOfId(message: string): boolean {
  const index = /\b(?:index: |Index ')(?:[^\s']*\$)?([^\s']+)/.exec(message)?.[1];
  return index === undefined || index === '_id_';
}

/** One sentence, without the URL: it may hold a password. */
export function sentenceOf(error: unknown): string {
  const root = rootOf(error);
  if (!(root instanceof Error)) return String(root);
  const { message } = root;
  if (root instanceof MongoServerError) {
    if (root.code === authenticationFailed) {
      return 'Mongo refuses the user or the password: correct NUBO_MONGO_URL (a user of another database needs ?authSource=…).';
    }
    if (root.code === unauthorized) {
      return `The user of NUBO_MONGO_URL lacks a permission: give it the role readWrite on nubo's database (${message}).`;
    }
    return `Mongo answers: ${message} (${root.codeName ?? root.code})`;
  }
  if (root instanceof MongoOperationTimeoutError) return 'Mongo does not answer in time';
  if (/maximum wire version/.test(message)) return 'This Mongo is too old: nubo needs MongoDB 4.4 or newer.';
  if (root instanceof MongoCompatibilityError) return `This Mongo cannot be used: ${message}`;
  // Of a server that accepts connections the driver tells no more than this.
  if (/<monitor>.* closed$|^Server selection timed out/.test(message)) {
    return 'What listens at NUBO_MONGO_URL does not answer as a MongoDB does: correct the host, the port or tls=….';
  }
  // Why is told to whoever connected first.
  if (root instanceof MongoTopologyClosedError) return 'Mongo cannot be reached';
  if (root instanceof MongoNetworkError)
    return `Mongo cannot be reached: ${message || 'the connection was lost'}`;
  return message === '' ? root.name : message;
}

/** Why no server could be selected is told by what happened to the servers. */
function rootOf(error: unknown): unknown {
  if (!(error instanceof MongoServerSelectionError)) return error;
  const { reason } = error;
  const servers = [...(reason?.servers?.values() ?? [])];
  return servers.find((server) => server.error)?.error ?? error.cause ?? error;
}
