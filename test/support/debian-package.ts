/** Installs what a test run needs from Debian, where root may: once, whoever else wants the same at that moment. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '#bench/peers/programs.js';

/**
 * Debian starts the services that it installs unless policy-rc.d says no; one that is there already stays as it is.
 * Lists that are missing or old are fetched only when the first try fails.
 */
const script = `
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d || exit 1
fi
install() { apt-get -qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 install -y --no-install-recommends "$@"; }
command -v "$1" >/dev/null && exit 0
shift
install "$@" || { apt-get -qq -o Acquire::Retries=1 update && install "$@"; }
`;

const installMsMax = 240_000;
const lockFile = '/run/lock/nubo-test-install';

/** @returns whether it was done; never rejected */
export async function installFromDebian(program: string, packageName: string): Promise<boolean> {
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) return false;
  console.error(`nubo: installing ${packageName} for the tests (once) …`);
  try {
    await promisify(execFile)(
      'flock',
      ['-w', '300', lockFile, 'sh', '-c', script, 'sh', program, packageName],
      {
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
        timeout: installMsMax,
        maxBuffer: 16 * 1024 * 1024,
      },
    );
    return true;
  } catch (error) {
    console.error(`nubo: ${packageName} could not be installed: ${(error as Error).message.slice(0, 1_000)}`);
    return false;
  }
}
