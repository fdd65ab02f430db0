import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { projectRoot } from '#src/project-root.js';
import { inhabitantsOf, settled } from '#src/storage/embedded/inhabitants.js';
import { type Child, startChild, temporaryFolder } from '#test/support/children.js';

const undo: Array<() => unknown> = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function dataFolder(): string {
  const folder = temporaryFolder('start');
  const data = join(folder.path, 'data');
  undo.push(() => settled(join(data, 'postgres')).then(() => folder.remove()));
  return data;
}

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const child = startChild(process.execPath, [join(projectRoot, file), ...args], {
    env: { PATH: process.env.PATH, ...env },
  });
  undo.push(() => {
    child.process.kill('SIGKILL');
    return child.ended;
  });
  return child;
}

function start(
  data: string,
  options: { drainMs?: number; exitCode?: number; env?: NodeJS.ProcessEnv } = {},
): Child {
  const { drainMs = 0, exitCode = 0, env } = options;
  const args = [String(drainMs), String(exitCode), '--port', '0', '--data', data];
  return run('build/test/integration/start-child.js', args, env);
}

const ready = (child: Child) => child.line((line) => /^ {2}REST\s+(http:\S+)/.exec(line)?.[1]);
const draining = (child: Child) => child.line((line) => line === 'draining' || undefined);

test('O4 one signal drains, says so with the exit code, and leaves nothing behind', async () => {
  const data = dataFolder();
  const child = start(data, { exitCode: 1 });
  await ready(child);
  expect(existsSync(join(data, 'runtime.json'))).toBe(true);
  child.process.kill('SIGTERM');
  expect(await child.ended).toBe(1);
  expect(existsSync(join(data, 'runtime.json'))).toBe(false);
  expect(inhabitantsOf(join(data, 'postgres'))).toEqual([]);
});

test('O4 a signal that is repeated at once is one signal; a later one means now', async () => {
  const patient = start(dataFolder(), { drainMs: 1_500 });
  await ready(patient);
  patient.process.kill('SIGINT');
  await draining(patient);
  patient.process.kill('SIGINT');
  expect(await patient.ended).toBe(0);

  const data = dataFolder();
  const hasty = start(data, { drainMs: 60_000 });
  await ready(hasty);
  hasty.process.kill('SIGTERM');
  await draining(hasty);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  hasty.process.kill('SIGTERM');
  expect(await hasty.ended).toBe(-1);
  expect(await settled(join(data, 'postgres'))).toEqual([]);
});

test('O6 a second nubo on the same data folder is refused in one sentence, the first goes on', async () => {
  const data = dataFolder();
  const first = start(data);
  const address = await ready(first);
  const second = run('build/cli/main.js', ['start', '--port', '0', '--data', data]);
  expect(await second.ended).toBe(1);
  expect(second.output()).toBe(
    `nubo: The data folder ${data} is in use by another nubo (process ${first.process.pid}).\n`,
  );
  expect(await (await fetch(address)).text()).toBe('yes');
});

test('O5 a taken port is refused in one sentence, before anything is started', async () => {
  const first = start(dataFolder());
  const { port } = new URL(await ready(first));
  const data = dataFolder();
  const second = run('build/cli/main.js', ['start', '--data', data], { PORT: port });
  expect(await second.ended).toBe(1);
  expect(second.output()).toMatch(
    new RegExp(`^nubo: Port ${port} on 127.0.0.1 is taken: choose another one.*\n$`),
  );
  expect(existsSync(join(data, 'postgres'))).toBe(false);
});

test('O1 what a person gets wrong is one sentence and exit code 2, without a stack', async () => {
  const wrong: Array<[string[], NodeJS.ProcessEnv, RegExp]> = [
    [['start', '--port', 'abc'], {}, /^nubo: --port must be a whole number.*not "abc"\.\n$/],
    [['start'], { NUBO_SHARDS: '0' }, /^nubo: NUBO_SHARDS must be a whole number, 1 to 64, not "0"\.\n$/],
    [['start', '--prot', '1'], {}, /^error: unknown option '--prot'/],
    [['strat'], {}, /^error: unknown command 'strat'/],
    [
      ['config', 'check'],
      { NUBO_PROT: '1' },
      /^nubo: NUBO_PROT is not a setting; the nearest is NUBO_PORT\.\n$/,
    ],
    [['start'], { NUBO_POSTGRES_URL: 'postgres://x@127.0.0.1:1/x' }, /^nubo: NUBO_SECRET is missing/],
  ];
  for (const [args, env, words] of wrong) {
    const child = run('build/cli/main.js', args, env);
    expect(await child.ended).toBe(2);
    expect(child.output()).toMatch(words);
    expect(child.output()).not.toMatch(/\n\s+at /);
  }
});

test('O1 every command has --help, and config print masks secrets', async () => {
  for (const args of [['--help'], ['start', '--help'], ['config', '--help'], ['config', 'print', '--help']]) {
    const child = run('build/cli/main.js', args);
    expect(await child.ended).toBe(0);
    expect(child.output()).toMatch(/^Usage: nubo/);
  }
  const secret = 'q7Jx0vTt3mWc9ZbLkR4sYpEu6HnDg2Fa';
  const child = run('build/cli/main.js', ['config', 'print'], { NUBO_SECRET: secret });
  expect(await child.ended).toBe(0);
  expect(child.output()).toContain('NUBO_SECRET=********\n');
  expect(child.output()).not.toContain(secret);
});

test('H8 the welcome is not in the log, and the log has no password', async () => {
  const data = dataFolder();
  const child = start(data, { env: { NUBO_LOG_LEVEL: 'trace' } });
  let log = '';
  child.process.stdout?.on('data', (chunk: string) => {
    log += chunk;
  });
  await ready(child);
  const { demo, secret } = JSON.parse(readFileSync(join(data, 'secrets.json'), 'utf8'));
  expect(child.output()).toContain(`${demo.username} (password ${demo.password})`);
  child.process.kill('SIGTERM');
  await child.ended;
  expect(log).toContain('"nubo is ready"');
  for (const hidden of [
    demo.password,
    secret,
    readFileSync(join(data, 'postgres-password'), 'utf8').trim(),
  ]) {
    expect(log).not.toContain(hidden);
  }
});

/** What a command that is given no reader says and ends with. */
async function unread(args: readonly string[]): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [join(projectRoot, 'build/cli/main.js'), ...args], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Long before it can have said anything.
  child.stdout.destroy();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, said }));
  });
}

test('a command whose reader leaves early ends without a word, as other programs do', async () => {
  const help = ['chat', 'token', 'replay', 'config', 'migrate'].map((name) => [name, '--help']);
  for (const args of [['--help'], ['config', 'docs'], ...help])
    expect(await unread(args), args.join(' ')).toEqual({ code: 141, said: '' });
  // A server serves on without its terminal.
  expect(await unread(['start', '--help'])).toEqual({ code: 0, said: '' });
});
