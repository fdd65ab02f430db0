/** Runs a tool to its end on behalf of the launcher. */
import { spawn } from 'node:child_process';

const outputBytesMax = 64 * 1024;

/** The launcher cannot go on: one message for the person who started it, no stack. */
export class LaunchError extends Error {}

/**
 * Runs a command quietly. Its output is shown only when it fails, since then it says why. The tool inherits the
 * launcher's lock (`lock`, a file descriptor): if the launcher is killed, the lock is held until the tool is
 * gone too, so nobody else starts on top of half-made files.
 *
 * @param {{ command: string, args: string[], cwd: string, env?: NodeJS.ProcessEnv, lock: number, what: string }} job
 * @returns {Promise<void>}
 */
export function run({ command, args, cwd, env, lock, what }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe', lock] });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-outputBytesMax);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const forwards = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
      const forward = () => {
        child.kill('SIGTERM');
        process.exit(signal === 'SIGINT' ? 130 : 143);
      };
      process.once(signal, forward);
      return () => process.removeListener(signal, forward);
    });
    const release = () => {
      for (const remove of forwards) remove();
    };
    child.on('error', (error) => {
      release();
      reject(new LaunchError(`${what} could not be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      release();
      if (code === 0) resolve();
      else reject(new LaunchError(`${what} failed (${signal ?? `exit code ${code}`}):\n${output.trim()}`));
    });
  });
}
