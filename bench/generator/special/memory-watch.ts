/** The server's memory, looked at every so often while a play goes on, by the play's windows. */
import type { RunningTarget } from '../../contract.js';

const lookMs = 250;

export class MemoryWatch {
  private readonly running: Pick<RunningTarget, 'memory'>;
  private readonly byWindow = new Map<string, number[]>();
  private window: string | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(running: Pick<RunningTarget, 'memory'>) {
    this.running = running;
    this.timer = setInterval(() => this.look(), lookMs);
  }

  /** For the play: what is looked at now belongs to this window. */
  readonly onEdge = (window: string, isBegin: boolean): void => {
    if (isBegin) this.window = window;
    this.look();
    if (!isBegin) this.window = undefined;
  };

  end(): void {
    clearInterval(this.timer);
  }

  /** Bytes at most; NaN when it could not be seen. */
  most(window: string): number {
    return Math.max(...(this.byWindow.get(window) ?? [Number.NaN]));
  }

  private look(): void {
    if (this.window === undefined) return;
    const { server } = this.running.memory();
    if (Number.isNaN(server)) return;
    const readings = this.byWindow.get(this.window);
    if (readings === undefined) this.byWindow.set(this.window, [server]);
    else readings.push(server);
  }
}
