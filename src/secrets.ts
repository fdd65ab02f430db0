/** Secrets that nobody set: random, made once, kept in the data folder, readable by its owner only (H8). */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from './errors.js';
import { makePrivateFolder, writePrivateFile } from './private-file.js';

export interface KeptSecrets {
  readonly secret: string;
  readonly operatorKey: string;
  readonly demo: { readonly username: string; readonly password: string };
}

/** The file in the data folder. */
export const secretsFile = 'secrets.json';

function random(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}

/** A secret that people type: on a command line, what begins with `-` is taken for an option. */
export function typedSecret(bytes: number, source: (bytes: number) => string = random): string {
  for (;;) {
    const made = source(bytes);
    if (!made.startsWith('-')) return made;
  }
}

function read(path: string): KeptSecrets | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UserError(`${path} cannot be read: the data folder belongs to another user.`);
  }
  try {
    return JSON.parse(text) as KeptSecrets;
  } catch {
    throw new UserError(`${path} is damaged: remove it and new secrets are made (all log-ins end).`);
  }
}

/**
 * Reads the secrets of a data folder, or makes them.
 *
 * @throws UserError when the folder cannot be used
 */
export function keepSecrets(data: string): KeptSecrets {
  makePrivateFolder(data);
  const path = join(data, secretsFile);
  const kept = read(path);
  if (kept !== undefined) return kept;
  const made: KeptSecrets = {
    secret: random(48),
    operatorKey: typedSecret(32),
    demo: { username: 'demo', password: typedSecret(9) },
  };
  writePrivateFile(path, `${JSON.stringify(made, null, 2)}\n`, { replace: false });
  // Of two first starts at once, the file of the first one counts for both.
  return read(path) ?? made;
}
