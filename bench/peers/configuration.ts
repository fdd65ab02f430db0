/** The committed configurations of peers: `@name@` in them stands for what is only known at the start. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';

/** The path of a file beside the peers. */
export function peerFile(...parts: readonly string[]): string {
  return join(projectRoot, 'bench', 'peers', ...parts);
}

/** @throws Error when a placeholder has no value */
export function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/@(\w+)@/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The configuration asks for @${name}@, which has no value.`);
    return String(value);
  });
}

/** Writes a configuration with its values into the peer's folder. @returns its path */
export function writeConfiguration(
  template: string,
  path: string,
  values: Readonly<Record<string, string | number>>,
): string {
  writeFileSync(path, fill(readFileSync(template, 'utf8'), values), { mode: 0o644 });
  return path;
}
