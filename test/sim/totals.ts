/** What a run did: a simulation in which nothing went wrong has proved nothing. */

export class Totals {
  seeds = 0;
  operations = 0;
  acks = 0;
  retries = 0;
  refusals = 0;
  conflicts = 0;
  rateLimited = 0;
  unavailable = 0;
  overloaded = 0;
  /** Acks of an operation that had been acked before. */
  duplicatesAnswered = 0;
  /** Acks of operations that changed nothing. */
  unchanged = 0;
  gapsTold = 0;
  resumes = 0;
  pages = 0;
  eventsSeen = 0;
  droppedFrames = 0;
  actorCrashes = 0;
  writerCrashes = 0;
  shardKills = 0;
  frontKills = 0;
  serverKills = 0;
  rivals = 0;
  batches = 0;
  storeRetries = 0;
  unknowns = 0;
  lateCommits = 0;
  terminated = 0;
  renumberings = 0;
  badRows = 0;
  blocked = 0;
  passivations = 0;
  /** What happened to Redis and Mongo: see outages.ts. */
  outages = 0;
  tierHits = 0;
  tierMisses = 0;
  tierFailures = 0;
  /** Loads that began with a snapshot, and those whose snapshot did not count. */
  snapshotsUsed = 0;
  snapshotsUnusable = 0;
  mirrorSteps = 0;
  mirrorRepairs = 0;
  mirrorRefills = 0;
  mirrorsLost = 0;
  /** Changed messages that a device could follow to the end. */
  messagesFollowed = 0;
  /** What devices were told that follow all conversations: see follower.ts. */
  eventsFollowed = 0;
  updates = 0;
  resyncs = 0;
  /** Operations refused to people in haste: see haste.ts. */
  hasty = 0;

  get kills(): number {
    return (
      this.actorCrashes +
      this.writerCrashes +
      this.shardKills +
      this.frontKills +
      this.serverKills +
      this.rivals
    );
  }

  add(other: Totals): void {
    for (const [name, count] of Object.entries(other)) {
      const key = name as Exclude<keyof Totals, 'kills' | 'add' | 'asRecord'>;
      this[key] += count as number;
    }
  }

  asRecord(): Record<string, number> {
    const counts = Object.entries(this) as Array<[string, number]>;
    return { ...Object.fromEntries(counts), kills: this.kills };
  }
}
