/** A target that nubo is measured against, and what a machine needs to run it. */
import type { Target } from '../contract.js';

export interface Peer extends Target {
  /** For the list of peers, such as `nats-server on the PATH`. */
  readonly needs: string;
}
