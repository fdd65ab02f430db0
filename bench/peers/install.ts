/**
 * Installs the peers that a registry carries: mosquitto and ejabberd from Debian, nats-server by Go. The rest come with
 * npm (`ws`, socket.io) or are brought by whoever has them (Centrifugo, Tinode).
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findProgram } from './programs.js';

const debian = ['mosquitto', 'ejabberd', 'erlang-p1-pgsql'];
const natsServer = 'github.com/nats-io/nats-server/v2@v2.15.2';

/** Shows what the installers say. @returns what could not be installed, a sentence each */
export function installPeers(): string[] {
  return [...installFromDebian(), ...installByGo()];
}

function installFromDebian(): string[] {
  const lacking = debian.filter((name) => !isInstalled(name));
  if (lacking.length === 0) return [];
  if (findProgram('apt-get') === undefined)
    return [`${lacking.join(', ')}: there is no apt-get here; install them in your system's way.`];
  if (process.getuid?.() !== 0)
    return [
      `${lacking.join(', ')}: only root installs packages; run: sudo apt-get install ${lacking.join(' ')}`,
    ];
  run('apt-get', ['update']);
  const isDone = run('apt-get', ['install', '-y', '--no-install-recommends', ...lacking]);
  if (!isDone) return [`${lacking.join(', ')}: apt-get failed; see above.`];
  // Debian starts what it installs; the bench starts its own, on ports of its own. What was there before is left alone.
  if (existsSync('/run/systemd/system'))
    for (const name of lacking) if (hasService(name)) run('systemctl', ['disable', '--now', name]);
  return [];
}

function installByGo(): string[] {
  if (findProgram('nats-server') !== undefined) return [];
  const go = findProgram('go');
  if (go === undefined) return ['nats-server: it is installed by Go, which is not on the PATH.'];
  return run(go, ['install', natsServer]) ? [] : ['nats-server: go install failed; see above.'];
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', `\${Status}`, name], { encoding: 'utf8' });
  return stdout?.includes('install ok installed') ?? false;
}

function hasService(name: string): boolean {
  return spawnSync('systemctl', ['cat', name], { stdio: 'ignore' }).status === 0;
}

function run(program: string, args: readonly string[]): boolean {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(program, [...args], { stdio: 'inherit', env: environment }).status === 0;
}
