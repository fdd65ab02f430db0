/** The environment that counts: the process's own, over a file `.env` in the folder where nubo was started. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Environment } from '#src/config.js';

export function readEnvironment(): Environment {
  let text: string;
  try {
    text = readFileSync('.env', 'utf8');
  } catch {
    return process.env;
  }
  return { ...parseEnv(text), ...process.env };
}
