/** What each kind of ack is worth: two rates may be compared only by readers who know. */
import type { AckMeaning } from '../contract.js';

export interface AckWorth {
  /** In one sentence. */
  readonly says: string;
  /** For the badge's colour. */
  readonly strength: 'strong' | 'middling' | 'weak' | 'none';
}

export const ackWorths: Readonly<Record<AckMeaning, AckWorth>> = {
  'committed and fsynced': {
    says: 'What was acked is on disk: it outlives a crash and a power cut.',
    strength: 'strong',
  },
  'committed, fsync later': {
    says: 'What was acked outlives a crash of the server; a power cut may take the latest of it.',
    strength: 'middling',
  },
  'in memory': {
    says: 'What was acked is gone when the server crashes.',
    strength: 'weak',
  },
  none: { says: 'Nothing is acked.', strength: 'none' },
};
