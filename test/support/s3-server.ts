/** A real server that speaks S3, for whoever needs one: versitygw on a folder. A suite is skipped where there is none. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '#bench/peers/programs.js';
import type { S3Options } from '#src/media/s3-bucket.js';
import { type ServerControl, ServerProcess } from './server-process.js';

export interface S3Server extends ServerControl {
  readonly options: S3Options;
}

const lacking =
  'what needs S3 is skipped: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0, or put the path of a ' +
  'versitygw into NUBO_TEST_S3_SERVER.';
const keys = { accessKey: 'a-key-of-tests', secretKey: 'the secret of a key of tests' };
const bucket = 'nubo-tests';

/** The program; undefined: there is none, and one line has said so. */
export function s3Here(): string | undefined {
  const path = process.env.NUBO_TEST_S3_SERVER || findProgram('versitygw');
  if (path === undefined) console.error(`nubo: ${lacking}`);
  return path;
}

/** Starts one on a free port, with one empty bucket. What is in it outlives `restart`. */
export async function startS3(): Promise<S3Server> {
  const program = s3Here();
  if (program === undefined) throw new Error(lacking);
  const server = await ServerProcess.start({
    name: 's3',
    command: ({ folder, port }) => {
      for (const name of [join('root', bucket), 'meta']) mkdirSync(join(folder, name), { recursive: true });
      return [
        ...[program, '--port', `127.0.0.1:${port}`, '--quiet'],
        ...['--access', keys.accessKey, '--secret', keys.secretKey],
        ...['posix', '--sidecar', join(folder, 'meta'), join(folder, 'root')],
      ];
    },
    ready: async (port) => {
      await (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) })).text();
    },
  });
  const endpoint = `http://127.0.0.1:${server.port}`;
  return Object.assign(server, { options: { ...keys, endpoint, bucket, region: 'us-east-1' } });
}
