/** Builds the Mongo stand-in once, in node_modules/.cache: the jars that pom.xml names, and StandIn.java compiled. */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '#bench/peers/programs.js';
import { projectRoot } from '#src/project-root.js';

const sources = join(projectRoot, 'test/stand-in');
const cache = join(projectRoot, 'node_modules/.cache/nubo-mongo-stand-in');
const buildMsMax = 240_000;

/** @returns the folder with what was built, for `standInCommand`; undefined: there is no Java, javac or Maven here */
export async function buildStandIn(): Promise<string | undefined> {
  const [maven, compiler] = [findProgram('mvn'), findProgram('javac')];
  if (maven === undefined || compiler === undefined || findProgram('java') === undefined) return undefined;
  const [pom, program] = [join(sources, 'pom.xml'), join(sources, 'StandIn.java')];
  const hash = createHash('sha256').update(readFileSync(pom)).update(readFileSync(program));
  const folder = join(cache, hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  console.error('nubo: building the Mongo stand-in for the tests (once) …');
  // Moved into place when it is whole, so builds may run side by side and be killed.
  const draft = `${folder}.${randomBytes(4).toString('hex')}`;
  mkdirSync(draft, { recursive: true });
  const run = (command: string, args: string[]) =>
    promisify(execFile)(command, args, { timeout: buildMsMax, maxBuffer: 16 * 1024 * 1024 });
  try {
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${join(draft, 'lib')}`];
    await run(maven, ['-q', '-B', '-f', pom, ...goal, '-DincludeScope=runtime']);
    await run(compiler, ['-cp', join(draft, 'lib', '*'), '-d', join(draft, 'classes'), program]);
    if (!existsSync(folder)) renameSync(draft, folder);
    return folder;
  } catch (error) {
    if (existsSync(folder)) return folder;
    console.error(`nubo: the Mongo stand-in could not be built: ${(error as Error).message.slice(0, 1_000)}`);
    return undefined;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** @param folder what `buildStandIn` gave */
export function standInCommand(folder: string, port: number): readonly string[] {
  const classes = [join(folder, 'lib', '*'), join(folder, 'classes')].join(delimiter);
  // One thread that collects garbage: the cores are the tests'. A full proof leaves half a million messages in it, of
  // 2 KB each as it keeps them; it takes what it uses and no more.
  return ['java', '-Xmx6g', '-XX:+UseSerialGC', '-cp', classes, 'StandIn', String(port)];
}
