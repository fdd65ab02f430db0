/**
 * Jobs of the Piscina pool: short, CPU only, no sockets and no actors (A11). Synchronous on purpose: the
 * asynchronous calls would leave this low-priority thread for libuv's, which chat shares.
 */
import { hashSync, verifySync } from '@node-rs/argon2';
import type { HashJob, VerifyJob } from '#src/people/passwords.js';

/** → the password as argon2id in PHC form, about 24 ms of a core. */
export function hashPassword(job: HashJob): string {
  return hashSync(job.password, job.costs);
}

/** → is it the password of this hash? The costs are those the hash names. */
export function verifyPassword(job: VerifyJob): boolean {
  return verifySync(job.hash, job.password);
}
