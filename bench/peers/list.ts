/** The peers as a list: what each is, what it needs, and whether that is here. */
import type { Peer } from './peer.js';

export function peerList(peers: readonly Peer[]): string {
  const nameWidth = Math.max(...peers.map(({ name }) => name.length));
  const lines = peers.flatMap((peer) => {
    const state = peer.missing() === undefined ? 'here   ' : 'missing';
    const indent = ' '.repeat(2 + nameWidth + 2 + state.length + 2);
    return [`  ${peer.name.padEnd(nameWidth)}  ${state}  ${peer.label}`, `${indent}needs ${peer.needs}`];
  });
  const missing = peers.filter((peer) => peer.missing() !== undefined).length;
  return [
    'Peers, which scenarios measure beside nubo (--peers NAME,NAME or --no-peers):',
    ...lines,
    '',
    missing === 0
      ? 'All of them can run here.'
      : `${missing} of ${peers.length} cannot run here. npm run bench -- peers install installs what a registry carries.`,
    '',
  ].join('\n');
}
