import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '#src/project-root.js';

/** What a file imports, types left out: they are gone before anything runs. */
function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/^(?:import|export) (?!type )(?:[^;']* from )?'([^']+)';/gms)].map(
    ([, name]) => name ?? '',
  );
}

test('W1 the client runs in browsers: nothing it is made of imports anything of Node', () => {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const name of importsOf(path)) {
      if (name.startsWith('#')) visit(join(projectRoot, name.slice(1).replace(/\.js$/, '.ts')));
      else if (name.startsWith('.')) visit(join(dirname(path), name.replace(/\.js$/, '.ts')));
      else packages.add(name);
    }
  };
  visit(join(projectRoot, 'client/client.ts'));
  expect(seen.size).toBeGreaterThan(15);
  expect([...packages].sort()).toEqual(['uuidv7', 'zod']);
});
