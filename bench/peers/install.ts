/**
 * Installs the peers that a registry carries: mosquitto and ejabberd from Debian, nats-server by Go. The rest come with
 * npm (`ws`, socket.io) or are brought by whoever has them (Centrifugo, Tinode).
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findProgram } from './programs.js';

const debian = ['mosquitto', 'ejabberd', 'erlang-p1-pgsql'];
const natsServer = 'github.com/nats-io/nats-server/v2@v2.15.2';

/** Shows what the installers say. @returns what could not be installed and what to do about it, a sentence each */
export function installPeers(): string[] {
  return [...installFromDebian(), ...installByGo()];
}

function installFromDebian(): string[] {
  if (findProgram('apt-get') === undefined)
    return findProgram('mosquitto') === undefined || findProgram('erl') === undefined
      ? ["mosquitto and ejabberd: there is no apt-get here; install them in your system's way."]
      : [];
  const lacking = debian.filter((name) => !isInstalled(name));
  if (lacking.length === 0) return [];
  const names = lacking.join(' ');
  if (process.getuid?.() !== 0)
    return [`${lacking.join(', ')}: only root installs packages; run: sudo apt-get install ${names}`];
  const isDone =
    run('apt-get', ['update']) && run('apt-get', ['install', '-y', '--no-install-recommends', ...lacking]);
  if (!isDone) return [`${lacking.join(', ')}: apt-get failed; what it said stands above.`];
  // Debian starts what it installs; the bench starts its own, on ports of its own. What was there before is left alone.
  if (existsSync('/run/systemd/system'))
    for (const name of lacking) if (hasService(name)) run('systemctl', ['disable', '--now', name]);
  return [];
}

function installByGo(): string[] {
  if (findProgram('nats-server') !== undefined) return [];
  const go = findProgram('go');
  if (go === undefined)
    return [
      'nats-server: Go installs it, and is not on the PATH; install Go, or put nats-server on the PATH.',
    ];
  if (!run(go, ['install', natsServer]))
    return ['nats-server: go install failed; what it said stands above.'];
  return findProgram('nats-server') === undefined
    ? [
        'nats-server: go install put it where the bench does not look; put that folder on the PATH (go env GOBIN GOPATH).',
      ]
    : [];
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
