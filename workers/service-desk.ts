/** Takes calls from fronts to the services of a shard thread, a bounded number at a time, and answers each once. */
import { NuboError, refusalOf } from '#src/errors.js';
import type { Log } from '#src/log.js';
import { frontOf, type Refusal, type ToFront, type ToShard } from '#src/threads/messages.js';
import type { ServiceHandlers, ServiceName } from '#src/threads/services.js';

/** Calls under way; each holds at most a database connection's turn and a little memory. */
const callsMax = 512;

export interface ServiceDesk {
  take(call: Extract<ToShard, { kind: 'call' }>): void;
}

export function createServiceDesk(options: {
  handlers: ServiceHandlers;
  post(front: number, message: ToFront): void;
  log: Log;
}): ServiceDesk {
  const { handlers, post, log } = options;
  let underWay = 0;
  return {
    take({ request, service, input }) {
      const front = frontOf(request);
      const handler = Object.hasOwn(handlers, service) ? handlers[service as ServiceName] : undefined;
      if (handler === undefined) {
        post(front, { kind: 'err', request, code: 'not_found', message: `There is no service ${service}.` });
        return;
      }
      if (underWay >= callsMax) {
        post(front, {
          kind: 'err',
          request,
          code: 'overloaded',
          message: 'Too many calls are under way.',
          retryMs: 500,
        });
        return;
      }
      underWay += 1;
      // Inputs were checked where they came in; a handler checks again what it needs to be safe.
      (handler as (input: unknown) => Promise<unknown>)(input)
        .then(
          (output) => post(front, { kind: 'answer', request, output }),
          (error) => post(front, { kind: 'err', request, ...refusal(error, service, log) }),
        )
        .finally(() => {
          underWay -= 1;
        });
    },
  };
}

function refusal(error: unknown, service: string, log: Log): Refusal {
  if (error instanceof NuboError) return refusalOf(error);
  log.error({ err: error, service }, 'a service failed');
  return { code: 'internal', message: 'The server failed on this request.' };
}
