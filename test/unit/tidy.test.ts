/** The habits that hold this project together, kept by a test. */
import { expect, test } from 'vitest';
import { type ProjectFile, projectFiles } from '#test/support/project-files.js';

const self = 'test/unit/tidy.test.ts';
const code = ['src', 'actors', 'workers', 'cli', 'client', 'bench', 'test'].flatMap((folder) =>
  projectFiles(folder, ['.ts', '.mjs']),
);
const product = code.filter(({ path }) => !/^(test|bench)\//.test(path));

/** Without comments, so that they may name what the code may not use. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

/** Places where a pattern occurs, as `path: what`. */
function places(files: readonly ProjectFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) => [...text.matchAll(pattern)].map(([found]) => `${path}: ${found}`));
}

function topOf(path: string): string {
  return path.split('/')[0] ?? '';
}

test('every rule of SPEC.md has a test that carries its id', () => {
  const spec = projectFiles('', ['SPEC.md'])[0]?.text ?? '';
  const rules = [...spec.matchAll(/^- \*\*([A-Z]\d+)\*\* /gm)].map(([, id = '']) => id);
  expect(rules.length).toBeGreaterThan(60);
  expect(new Set(rules).size).toBe(rules.length);
  // A test's name begins with the ids of its rules: 'P1 P5 an ack …'.
  const named = projectFiles('test', ['.ts']).flatMap(({ text }) =>
    [...text.matchAll(/['"`]((?:[A-Z]\d{1,2}[ ,:]+)+)/g)].flatMap(
      ([, ids = '']) => ids.match(/[A-Z]\d+/g) ?? [],
    ),
  );
  const tested = new Set(named);
  expect(rules.filter((id) => !tested.has(id))).toEqual([]);
});

/** Which top-level folders a folder may import from, besides itself. */
const below: Readonly<Record<string, readonly string[]>> = {
  src: [],
  actors: ['src'],
  workers: ['src', 'actors'],
  client: ['src'],
  cli: ['src', 'workers', 'client'],
};

test('imports go workers → actors → src, and leave their folder by name only', () => {
  const wrong = product.flatMap(({ path, text }) => {
    const top = topOf(path);
    return [...withoutComments(text).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].flatMap(
      ([, to = '']) => {
        const target = /^#(\w+)\//.exec(to)?.[1];
        if (target !== undefined) {
          return target !== top && !below[top]?.includes(target) ? [`${path} → ${to}`] : [];
        }
        if (!to.startsWith('.')) return [];
        const depth = path.split('/').length - 2;
        const climbs = (to.match(/\.\.\//g) ?? []).length;
        return climbs > depth || !/\.(js|mjs)$/.test(to) ? [`${path} → ${to}`] : [];
      },
    );
  });
  expect(wrong).toEqual([]);
});

test('actors touch no clock, no chance, no timer, no thread, no driver and no environment', () => {
  const actors = code
    .filter(({ path }) => path.startsWith('actors/'))
    .map(({ path, text }) => ({ path, text: withoutComments(text) }));
  expect(actors.length).toBeGreaterThan(0);
  const calls =
    /\b(Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|performance\.|process\.|crypto\.|fetch\(|await\b)/g;
  const imports =
    /from '(node:[^']+|postgres|pg|pg-copy-streams|ioredis|mongodb|uWebSockets\.js|ws|piscina|pino|uuidv7|#src\/(config|log|file-lock|secrets)[^']*|#src\/storage\/(?!(?:tiers\/)?ports|facts\.js)[^']*|#src\/front\/[^']*)'/g;
  expect([...places(actors, calls), ...places(actors, imports)]).toEqual([]);
});

/** Lowered when the code allows it, never raised without a reason. */
const linesMedianMax = 120;
const linesMax = 400;

test('files are small', () => {
  const sizes = product.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }));
  const sorted = sizes.map(({ lines }) => lines).toSorted((one, other) => one - other);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(linesMedianMax);
  expect(sizes.filter(({ lines }) => lines > linesMax)).toEqual([]);
});

test('nothing invisible is in the text', () => {
  // Control characters but tab and newline, and those that hide or turn text; emoji are joined by U+200D.
  const invisible = /[\p{Cc}\u00ad\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;
  const files = [...code, ...projectFiles('', ['.md', '.json', '.sql', '.yml'])];
  const wrong = files.filter(({ text }) => invisible.test(text.replace(/[\t\n]/g, '')));
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test('no machine, registry or unfinished thing is named', () => {
  const endings = [
    '.ts',
    '.mjs',
    '.md',
    '.json',
    '.sql',
    '.yml',
    '.npmrc',
    'Dockerfile',
    '.ci/run',
    '.env.example',
  ];
  const files = projectFiles('', endings).filter(({ path }) => path !== self);
  expect(places(files, /"resolved":|\bregistry=|\bnpmjs\.|\/(?:work|home|root|Users)\/\w+/g)).toEqual([]);
  expect(
    places(files, /\b(TODO|FIXME|XXX|HACK)\b|\bshared\/(?:design|seeds|data)\b|\b(?:Claude|Anthropic)\b/g),
  ).toEqual([]);
});

test('code that is written for people has no default exports, no enums and no switched-off checks', () => {
  const files = code.filter(({ path }) => path !== self && !/(\.config|-global)\.ts$/.test(path));
  expect(
    places(files, /^export default|^(?:export )?(?:const )?enum |@ts-(?:ignore|expect-error|nocheck)/gm),
  ).toEqual([]);
});
