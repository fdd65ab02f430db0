/** How the other commands find a running server: `runtime.json` in the data folder, mode 0600. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from './errors.js';
import { writePrivateFile } from './private-file.js';

const runtimeSchema = z.object({
  /** Of the main thread's process. */
  pid: z.number(),
  host: z.string(),
  port: z.number(),
  /** Unix ms */
  startedAt: z.number(),
  postgresUrl: z.string(),
  /** Of the embedded Postgres. */
  postgresPid: z.number().optional(),
  operatorKey: z.string().optional(),
  demo: z.object({ username: z.string(), password: z.string() }).optional(),
});

export type Runtime = z.infer<typeof runtimeSchema>;

function pathIn(data: string): string {
  return join(data, 'runtime.json');
}

export function writeRuntime(data: string, runtime: Runtime): void {
  writePrivateFile(pathIn(data), `${JSON.stringify(runtime, null, 2)}\n`, { replace: true });
}

/** @throws UserError when no server runs on this data folder */
export function readRuntime(data: string): Runtime {
  let text: string;
  try {
    text = readFileSync(pathIn(data), 'utf8');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'EACCES' ? 'belongs to another user' : 'has none';
    throw new UserError(`No running server was found: ${data} ${reason}. Start one with: npm start`);
  }
  const result = runtimeSchema.safeParse(JSON.parse(text));
  if (!result.success)
    throw new UserError(`${pathIn(data)} was written by another version: start the server again.`);
  if (!isAlive(result.data.pid)) {
    throw new UserError(
      `No running server was found: the last one on ${data} has ended. Start one with: npm start`,
    );
  }
  return result.data;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The server has ended. */
export function removeRuntime(data: string): void {
  rmSync(pathIn(data), { force: true });
}
