/** What the tests of people share: a clock to turn, a compiled pool job file, forged tokens. */
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Unix ms that only moves when it is told to. */
export class HandClock {
  #now: number;
  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }
  now(): number {
    return this.#now;
  }
  advance(ms: number): void {
    this.#now += ms;
  }
}

/**
 * Compiles workers/pool.ts as it is now, so that no test passes on a stale build. Below node_modules, so that the
 * file finds its packages.
 */
export function compilePoolFile(): { filename: string; remove: () => void } {
  const root = process.cwd();
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'nubo-pool-'));
  const flags = [
    '--ignoreConfig',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--lib',
    'es2024',
    '--skipLibCheck',
    '--types',
    'node',
  ];
  const paths = ['--customConditions', 'source', '--rootDir', root, '--outDir', folder];
  execFileSync(join(root, 'node_modules/.bin/tsc'), [...flags, ...paths, join(root, 'workers/pool.ts')], {
    stdio: 'inherit',
  });
  return {
    filename: join(folder, 'workers/pool.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A token with any header and claims, signed with HMAC-SHA256 of any secret, by no library. */
export function forge(header: object, claims: unknown, secret: string): string {
  const body = `${part(header)}.${part(claims)}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

/** The same without a signature. */
export function unsigned(header: object, claims: unknown): string {
  return `${part(header)}.${part(claims)}.`;
}
