/**
 * Keeps the house: looks at the months of the log, makes those that are lacking, moves what landed in the default
 * partition to where it belongs (L15), takes out those past their retention (L16), and forgets what of people has
 * expired. One thing at a time, round after round.
 *
 * Phases:
 *   resting    until the next round is due
 *   looking    a survey is under way
 *   working    the first of its tasks is under way
 *   forgetting the last step of a round
 */
import type { Actor, ActorContext } from '#src/runtime/actor.js';
import type { Failed, PartitionSurvey } from '#src/storage/ports.js';
import { planRound, type Task } from './plan.js';
import type { JanitorPorts } from './ports.js';

export type JanitorMessage =
  | { readonly kind: 'round due' }
  | { readonly kind: 'surveyed'; readonly result: { kind: 'surveyed'; survey: PartitionSurvey } | Failed }
  | { readonly kind: 'task done'; readonly task: Task; readonly result: Done | Failed }
  | { readonly kind: 'forgot'; readonly result: { kind: 'forgotten' } | Failed };

type Done =
  | { readonly kind: 'made'; readonly moved: number }
  | { readonly kind: 'detached'; readonly rows: number; readonly table: string | undefined };

type Phase =
  | { readonly name: 'resting' }
  | { readonly name: 'looking' }
  | { readonly name: 'working'; readonly tasks: readonly [Task, ...Task[]] }
  | { readonly name: 'forgetting' };

const whatOf = { make: 'making', detach: 'detaching' } as const;

/** Months are made long before they are needed: what counts is that rows in the default partition are soon seen. */
export const roundMs = 10 * 60_000;
/** After a round in which something failed. */
export const retryMs = 60_000;

export class Janitor implements Actor<JanitorMessage> {
  private readonly context: ActorContext<JanitorMessage>;
  private readonly ports: JanitorPorts;
  private phase: Phase = { name: 'resting' };
  private strays: PartitionSurvey['strays'] = [];
  private isWell = true;
  private cancelRest: () => void = () => {};

  constructor(context: ActorContext<JanitorMessage>, ports: JanitorPorts) {
    this.context = context;
    this.ports = ports;
    // An instance that crashed leaves no round behind: its successor begins one of its own.
    if (context.crashes > 0) this.rest(retryMs);
  }

  receive(message: JanitorMessage): void {
    switch (message.kind) {
      case 'round due':
        return this.onRoundDue();
      case 'surveyed':
        return this.onSurveyed(message.result);
      case 'task done':
        return this.onTaskDone(message.task, message.result);
      case 'forgot':
        return this.onForgot(message.result);
      default:
        return message satisfies never;
    }
  }

  dropped(): void {
    this.cancelRest();
  }

  private onRoundDue(): void {
    if (this.phase.name !== 'resting') return;
    this.cancelRest();
    this.isWell = true;
    this.phase = { name: 'looking' };
    this.ports.partitions.survey((result) => this.context.tellSelf({ kind: 'surveyed', result }));
  }

  private onSurveyed(result: Extract<JanitorMessage, { kind: 'surveyed' }>['result']): void {
    if (this.phase.name !== 'looking') return;
    if (result.kind === 'failed') {
      this.fail('looking at the months of the log', result);
      return this.forget();
    }
    this.strays = result.survey.strays;
    this.reportStrays();
    this.work(planRound(result.survey, this.ports.clock.now(), this.ports.retention.months));
  }

  private work([task, ...others]: readonly Task[]): void {
    if (task === undefined) return this.forget();
    this.phase = { name: 'working', tasks: [task, ...others] };
    const { partitions, retention } = this.ports;
    const done = (result: Done | Failed) => this.context.tellSelf({ kind: 'task done', task, result });
    if (task.kind === 'make') partitions.make(task.month, done);
    else partitions.detach(task.month, retention, done);
  }

  private onTaskDone(task: Task, result: Extract<JanitorMessage, { kind: 'task done' }>['result']): void {
    // A task that a predecessor had begun is nothing to wait for.
    if (this.phase.name !== 'working' || this.phase.tasks[0] !== task) return;
    if (result.kind === 'failed') this.fail(`${whatOf[task.kind]} a month of the log`, result);
    else this.ports.report({ month: task.month, ...result });
    if (result.kind === 'made' && result.moved > 0) {
      this.strays = this.strays.filter(({ month }) => month !== task.month);
      this.reportStrays();
    }
    this.work(this.phase.tasks.slice(1));
  }

  private forget(): void {
    this.phase = { name: 'forgetting' };
    this.ports.forgetExpired(this.ports.clock.now(), (result) =>
      this.context.tellSelf({ kind: 'forgot', result }),
    );
  }

  private onForgot(result: Extract<JanitorMessage, { kind: 'forgot' }>['result']): void {
    if (this.phase.name !== 'forgetting') return;
    if (result.kind === 'failed') this.fail('forgetting what has expired', result);
    this.phase = { name: 'resting' };
    this.rest(this.isWell ? roundMs : retryMs);
    this.ports.report({ kind: 'round over', isWell: this.isWell });
  }

  private rest(ms: number): void {
    this.cancelRest = this.ports.timers.after(ms, () => this.context.tellSelf({ kind: 'round due' }));
  }

  private fail(what: string, { message }: Failed): void {
    this.isWell = false;
    this.ports.report({ kind: 'failed', what, message });
  }

  private reportStrays(): void {
    const rows = this.strays.reduce((sum, stray) => sum + stray.rows, 0);
    this.ports.report({ kind: 'strays', rows, months: this.strays.map(({ month }) => month) });
  }
}
