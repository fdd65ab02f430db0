/** A janitor with a clock that a test moves, and everything it reports. */
import { Janitor, type JanitorMessage } from '#actors/janitor/janitor.js';
import type { JanitorPorts, JanitorReport } from '#actors/janitor/ports.js';
import type { RuntimePorts } from '#src/runtime/ports.js';
import { createActorSystem } from '#src/runtime/system.js';

type Ports = Pick<JanitorPorts, 'partitions'> & Partial<Pick<JanitorPorts, 'retention'>>;

/** The janitor in an actor system on these ports; `wake` begins its first round. */
export function startJanitor(
  runtime: RuntimePorts,
  ports: Ports & Partial<JanitorPorts>,
): { wake(): void; stop(): void } {
  const system = createActorSystem({ ports: runtime });
  system.register<JanitorMessage>('janitor', {
    create: (context) =>
      new Janitor(context, {
        ...runtime,
        forgetExpired: (_now, done) => runtime.turns.soon(() => done({ kind: 'forgotten' })),
        report: () => {},
        retention: { months: 0, isKept: true },
        ...ports,
      }),
    mailboxItemsMax: 8,
    mailboxBytesMax: 64 * 1024,
    onUndelivered: () => {},
  });
  return { wake: () => void system.tell('janitor/0', { kind: 'round due' }), stop: () => system.stop() };
}

/** A janitor on a real store: the clock stands until the test moves it, rounds begin when the test says so. */
export class ManualJanitor {
  readonly reports: JanitorReport[] = [];
  private readonly janitor: { wake(): void; stop(): void };
  private now = 0;
  private onOver: () => void = () => {};

  constructor(ports: Ports) {
    const runtime: RuntimePorts = {
      clock: { now: () => this.now },
      timers: { after: () => () => {} },
      random: { next: () => 0 },
      turns: { soon: (run) => void setImmediate(run) },
    };
    const report = (told: JanitorReport) => {
      this.reports.push(told);
      if (told.kind === 'round over') this.onOver();
    };
    this.janitor = startJanitor(runtime, { ...ports, report });
  }

  /** A whole round at a moment (Unix ms); what it reported. */
  async round(now: number): Promise<JanitorReport[]> {
    this.now = now;
    const before = this.reports.length;
    const over = new Promise<void>((resolve) => {
      this.onOver = resolve;
    });
    this.janitor.wake();
    await over;
    return this.reports.slice(before);
  }
}
