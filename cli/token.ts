/** `nubo token`: a token for a user of an application, by the operator API. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { UserError } from '#src/errors.js';
import { uuid } from '#src/wire/operations.js';
import { readEnvironment } from './environment.js';
import { RestClient, RestError } from './rest-client.js';
import { type AddressOptions, findServer } from './server-address.js';

interface TokenOptions extends AddressOptions {
  readonly operatorKey?: string;
  readonly seconds: number;
  readonly limits: 'standard' | 'high';
  readonly name?: string;
  readonly json?: boolean;
}

const daySeconds = 24 * 60 * 60;
const secondsMax = 3650 * daySeconds;

const usersSchema = z.object({ users: z.array(z.object({ user: z.string() })).length(1) });
const tokenSchema = z.object({ user: z.string(), token: z.string(), jti: z.string(), expiresAt: z.number() });
const tokensSchema = z.object({ tokens: z.array(tokenSchema).length(1) });
type Minted = z.infer<typeof tokenSchema>;

const help = `
USER is the id of a user, or what your application calls one (the sub of its tokens): who is new is made.
The operator key comes from the server on this machine, from NUBO_OPERATOR_KEY or from --operator-key.

Example:
  websocat ws://localhost:8080/ws -H "Authorization: Bearer $(node cli/nubo.mjs token ada)"`;

export function tokenCommand(): Command {
  return new Command('token')
    .description('Mint a token for a user.')
    .argument('<user>', "a user's id, or a name of your application")
    .option('--url <url>', 'the server (default: the one that runs on the data folder)')
    .option('--data <folder>', 'the data folder of the running server (NUBO_DATA)')
    .option('--operator-key <key>', "the server's operator key (NUBO_OPERATOR_KEY)")
    .option('--name <name>', 'what a new user is called')
    .option('--seconds <count>', 'how long it is good for', wholeSeconds, daySeconds)
    .addOption(
      new Option('--limits <class>', 'rate limits').choices(['standard', 'high']).default('standard'),
    )
    .option('--json', 'print user, jti and expiry as well')
    .addHelpText('after', help)
    .action(async (user: string, options: TokenOptions) => {
      const minted = await mint(user, options);
      process.stdout.write(`${options.json === true ? JSON.stringify(minted) : minted.token}\n`);
    });
}

function wholeSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > secondsMax) {
    throw new InvalidArgumentError(`It must be a whole number, 1 to ${secondsMax}.`);
  }
  return seconds;
}

/** Mints one token. Throws UserError or StartError in words for a person. */
export async function mint(user: string, options: TokenOptions): Promise<Minted> {
  const env = readEnvironment();
  const server = findServer(options, env);
  const token = options.operatorKey ?? (env.NUBO_OPERATOR_KEY || server.runtime?.operatorKey);
  if (token === undefined) {
    throw new UserError(
      'The operator key of the server is needed: give it with --operator-key or NUBO_OPERATOR_KEY.',
    );
  }
  const rest = new RestClient(server.url);
  try {
    const id = uuid.safeParse(user).success
      ? user
      : await userOf(rest, token, { sub: user, name: options.name });
    const body = { users: [id], seconds: options.seconds, limits: options.limits };
    const { tokens } = await rest.call('POST', '/operator/tokens', tokensSchema, { token, body });
    return tokens[0] as Minted;
  } catch (error) {
    throw error instanceof RestError ? new UserError(error.message) : error;
  }
}

async function userOf(
  rest: RestClient,
  token: string,
  { sub, name }: { sub: string; name: string | undefined },
): Promise<string> {
  const body = { users: [name === undefined ? { sub } : { sub, name }] };
  const { users } = await rest.call('POST', '/operator/users', usersSchema, { token, body });
  return (users[0] as { user: string }).user;
}
