/** A socket is an open file on both sides: whether all of them fit is said before the first is opened. */
import { readdirSync, readFileSync } from 'node:fs';
import { UserError } from '#src/errors.js';

/** What else the client may open: the database, files, pipes. */
const spareFiles = 50;

/**
 * @param serverPid undefined when the server is not on this machine
 * @throws UserError when this process or the server may not open so many
 */
export function checkOpenFiles(sockets: number, serverPid: number | undefined): void {
  const processes = [{ pid: process.pid, name: 'this process' }];
  if (serverPid !== undefined) processes.push({ pid: serverPid, name: 'the server' });
  for (const { pid, name } of processes) {
    const files = openFiles(pid);
    if (files === undefined || sockets + spareFiles <= files.limit - files.open) continue;
    throw new UserError(
      `This replay opens ${sockets} sockets, but ${name} may open only ${files.limit} files and has ` +
        `${files.open}: raise the limit (ulimit -n) or replay fewer rooms (--rooms).`,
    );
  }
}

function openFiles(pid: number): { limit: number; open: number } | undefined {
  try {
    const [, limit = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
    if (limit === '') return undefined;
    return { limit: Number(limit), open: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}
