/**
 * A limit runs in processes of its own, so that it shares neither heap nor event loop with the bench. This is the
 * child's side: the functions that the bench may call, and an end with the bench, however the bench ends.
 */

/** What crosses: a call, and its one answer. */
export interface Call {
  readonly call: number;
  readonly name: string;
  readonly argument: unknown;
}

export type Answer =
  | { readonly call: number; readonly result: unknown }
  | { readonly call: number; readonly error: string };

/** Functions of one argument that can be sent, which answer what can be sent. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/** Answers calls until the bench hangs up. Returns at once. */
export function answerCalls(handlers: Handlers): void {
  process.on('message', (message) => {
    void answerOf(handlers, message as Call).then((answer) => process.send?.(answer));
  });
  process.once('disconnect', () => process.exit(0));
  // A Ctrl-C at the terminal reaches us too: the bench decides what ends when.
  process.on('SIGINT', () => {});
}

async function answerOf(handlers: Handlers, { call, name, argument }: Call): Promise<Answer> {
  try {
    return { call, result: await handlers[name]?.(argument as never) };
  } catch (error) {
    return { call, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
