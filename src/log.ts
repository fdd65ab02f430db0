/** One JSON line per event on standard output, without secrets (H8). Usable in every thread. */
import { type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';

export type Log = Logger;

const secretKeys = [
  ...[
    'password',
    'passwordHash',
    'token',
    'accessToken',
    'refreshToken',
    'authorization',
    'secret',
    'appSecret',
  ],
  ...['operatorKey', 'cookie', 'postgresUrl', 'redisUrl', 'mongoUrl', 'ticket'],
];
/** Objects in log lines are nested no deeper. */
const depths = ['', '*.', '*.*.'];

const inText: ReadonlyArray<readonly [RegExp, string]> = [
  // A JSON web token, wherever it stands.
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[token]'],
  [/\b(Bearer\s+)[\w~+/.=-]+/gi, '$1[token]'],
  // The password in a URL.
  [/\b([a-z][\w+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi, '$1:[password]@'],
];

/** Takes tokens and passwords out of a text that was not made by us, such as a driver's error. */
export function scrub(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of inText) clean = clean.replace(pattern, replacement);
  return clean;
}

function scrubError(error: Error): object {
  const { type, message, stack } = stdSerializers.err(error);
  const code = (error as NodeJS.ErrnoException).code;
  return { type, message: scrub(message), stack: scrub(stack), ...(code === undefined ? {} : { code }) };
}

/** The arguments of a call, without secrets. pino makes an error's own words the message when there is none. */
function cleaned(inputs: readonly unknown[]): unknown[] {
  const [first, ...rest] = inputs;
  const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err;
  if (error instanceof Error && rest.length === 0)
    return [{ ...(first === error ? { err: error } : (first as object)) }, scrub(error.message)];
  return inputs.map((input) => (typeof input === 'string' ? scrub(input) : input));
}

/**
 * @param options.thread which thread writes: `main`, `front-0`, `shard-0` …
 * @param options.destination for tests; standard output when absent
 */
export function createLog(options: {
  level: string;
  thread: string;
  destination?: { write(line: string): void };
}): Log {
  const settings: LoggerOptions = {
    level: options.level,
    base: { pid: process.pid, thread: options.thread },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (level) => ({ level }) },
    serializers: { err: scrubError, error: scrubError },
    redact: {
      paths: depths.flatMap((depth) => secretKeys.map((key) => `${depth}${key}`)),
      censor: '[secret]',
    },
    hooks: {
      logMethod(inputs, method) {
        method.apply(this, cleaned(inputs) as Parameters<typeof method>);
      },
    },
  };
  // Written at once: what a thread says last, before it dies, is what one needs.
  return pino(settings, options.destination ?? pino.destination({ dest: 1, sync: true }));
}
