/**
 * How programs of Postgres are started: as an ordinary user, and so that they end when nubo ends.
 *
 * Postgres refuses to run as root. As root nubo lends it another user's identity, with the one capability that
 * lets it reach its files below folders that only root may enter. `--pdeathsig` makes the kernel stop it when the
 * thread that started it is gone, however that happened (O7).
 */
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { UserError } from '../../errors.js';

/** `nobody` on Debian; the data folder belongs to it when nubo runs as root. */
const nobody = 65534;

export interface Launcher {
  /** Owner of the cluster's files; undefined: whoever runs nubo. */
  readonly owner: number | undefined;
  /** Signal at the parent's death: INT ends Postgres in an orderly way, KILL what may be cut anywhere. */
  start(
    program: string,
    args: readonly string[],
    options: { stdio: StdioOptions; environment: Readonly<Record<string, string>>; atDeath: 'INT' | 'KILL' },
  ): ChildProcess;
}

function works(command: readonly string[]): boolean {
  const [program = '', ...args] = command;
  return spawnSync(program, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}

/** Options of setpriv that give up root and all its capabilities but the one that opens folders. */
function identityOf(owner: number): string[] {
  return [
    ...[`--reuid=${owner}`, `--regid=${owner}`, '--clear-groups', '--securebits=+no_setuid_fixup'],
    ...['--inh-caps=-all,+dac_override', '--ambient-caps=-all,+dac_override'],
  ];
}

/**
 * @param cluster whose owner, when it exists, is the user to run as
 * @throws UserError when root cannot become somebody else here
 */
export function createLauncher(cluster: string): Launcher {
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? ownerOf(cluster) || nobody : undefined;
  const identity = owner === undefined ? [] : identityOf(owner);
  if (isRoot && !works(['setpriv', ...identity])) {
    throw new UserError(
      'Postgres does not run as root, and root cannot lend it another user here (setpriv fails): ' +
        'start nubo as an ordinary user, or give a server in NUBO_POSTGRES_URL.',
    );
  }
  const bound = works(['setpriv', '--pdeathsig', 'INT']);
  return {
    owner,
    start(program, args, { stdio, environment, atDeath }) {
      const prefix = bound ? ['setpriv', '--pdeathsig', atDeath, ...identity] : [];
      const [command = program, ...rest] = [...prefix, program, ...args];
      // Detached: a Ctrl-C at the terminal goes to nubo alone, which ends Postgres after its last write.
      return spawn(command, rest, { stdio, detached: true, env: cleanEnvironment(environment), cwd: '/' });
    },
  };
}

/** Postgres and initdb follow a dozen variables (PGDATA, LC_ALL, TZ …); they get none that we did not choose. */
function cleanEnvironment(additions: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', ...additions };
}

function ownerOf(path: string): number | undefined {
  try {
    return lstatSync(path).uid;
  } catch {
    return undefined;
  }
}
