import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { projectRoot } from '#src/project-root.js';
import { temporaryFolder } from '#test/support/children.js';

interface Launch {
  isInstalled(root: string): boolean;
  isBuilt(root: string): boolean;
  build(root: string, lock: number): Promise<void>;
}

// The launcher is plain JavaScript, since it runs before anything is built.
const load = (name: string): Promise<Launch> => import(join(projectRoot, 'cli/launch', name));
const { isInstalled } = await load('install.mjs');
const { build, isBuilt } = await load('build.mjs');

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('launcher');
});
afterEach(() => folder.remove());

function write(path: string, content: unknown): void {
  mkdirSync(join(folder.path, path, '..'), { recursive: true });
  writeFileSync(join(folder.path, path), typeof content === 'string' ? content : JSON.stringify(content));
}

const wanted = {
  '': { name: 'x' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/b': { version: '1.0.0', integrity: 'sha512-b', dev: true },
  'node_modules/c-for-another-system': { version: '1.0.0', integrity: 'sha512-c', optional: true },
};
const { '': _, 'node_modules/c-for-another-system': __, ...present } = wanted;

test('O7 an installation counts only when it is complete and the one that is wanted', () => {
  write('package-lock.json', { packages: wanted });
  expect(isInstalled(folder.path)).toBe(false);
  const installed = (packages: object) => {
    write('node_modules/.package-lock.json', { packages });
    return isInstalled(folder.path);
  };
  expect(installed(present)).toBe(true);
  expect(installed({ ...present, 'node_modules/a': { version: '1.0.1', integrity: 'sha512-z' } })).toBe(
    false,
  );
  expect(installed({ 'node_modules/a': wanted['node_modules/a'] })).toBe(false);
  expect(installed({ ...present, 'node_modules/left-over': { version: '1.0.0' } })).toBe(false);
  write('node_modules/.package-lock.json', '{"packages": {"node_mod');
  expect(isInstalled(folder.path)).toBe(false);
});

test('O7 a build counts only for the sources as they are, and a failed one leaves the old one', async () => {
  const project = {
    compilerOptions: {
      module: 'nodenext',
      target: 'es2023',
      rootDir: '.',
      outDir: 'build',
      types: [],
      incremental: true,
    },
    include: ['src'],
  };
  write('tsconfig.json', project);
  write('package.json', { name: 'x', type: 'module' });
  write('package-lock.json', { packages: {} });
  write('src/one.ts', 'export const one: number = 1;\n');
  write('src/two.ts', 'export const two: number = 2;\n');
  // The compiler of this project stands in for the one that would be installed.
  const compiler = `import(${JSON.stringify(join(projectRoot, 'node_modules/typescript/bin/tsc'))});\n`;
  write('node_modules/typescript/bin/tsc', compiler);
  write('node_modules/typescript/package.json', { type: 'commonjs' });
  expect(isBuilt(folder.path)).toBe(false);
  await build(folder.path, 0);
  expect(isBuilt(folder.path)).toBe(true);
  const built = (name: string) => import(`${join(folder.path, 'build/src', name)}?${Math.random()}`);
  expect(await built('one.js')).toMatchObject({ one: 1 });

  write('src/one.ts', 'export const one: number = "wrong";\n');
  expect(isBuilt(folder.path)).toBe(false);
  await expect(build(folder.path, 0)).rejects.toThrow(/compiler failed.*\n.*one\.ts.*not assignable/);
  expect(await built('one.js')).toMatchObject({ one: 1 });
  expect(isBuilt(folder.path)).toBe(false);

  write('src/one.ts', 'export const one: number = 11;\n');
  rmSync(join(folder.path, 'src/two.ts'));
  await build(folder.path, 0);
  expect(isBuilt(folder.path)).toBe(true);
  expect(await built('one.js')).toMatchObject({ one: 11 });
  await expect(built('two.js')).rejects.toThrow();
});
