/** `nubo chat`: a terminal in which people talk with each other. */
import { Command } from 'commander';
import { ClientError } from '#client/errors.js';
import { connect } from '#client/node.js';
import { StartError, UserError } from '#src/errors.js';
import { Account, type Credentials } from './chat/account.js';
import { Chat } from './chat/chat.js';
import { harmless } from './chat/lines.js';
import { Names } from './chat/names.js';
import { Rooms } from './chat/rooms.js';
import { Screen, type Streams } from './chat/screen.js';
import { readEnvironment } from './environment.js';
import { RestClient, RestError } from './rest-client.js';
import { type AddressOptions, findServer, type ServerAddress } from './server-address.js';

interface ChatCommandOptions extends AddressOptions, Credentials {}

const help = `
Without a name it is the demo account of the server on this machine. A name that nobody has becomes a new account.
Two people in two terminals:
  node cli/nubo.mjs chat garden
  node cli/nubo.mjs chat garden --user ada --password 'a good password'

Lines from a pipe are sent, too, and the command ends when all of them are stored:
  echo 'The backup is done.' | node cli/nubo.mjs chat operations`;

export function chatCommand(): Command {
  return new Command('chat')
    .description('Talk in the terminal.')
    .argument('[room]', 'a room, or @somebody', 'lobby')
    .option('--url <url>', 'the server (default: the one that runs on the data folder)')
    .option('--data <folder>', 'the data folder of the running server (NUBO_DATA)')
    .option('--user <name>', 'who you are')
    .option('--password <password>', 'your password (NUBO_CHAT_PASSWORD)')
    .option('--token <token>', 'a token instead of a name and a password (NUBO_CHAT_TOKEN)')
    .addHelpText('after', help)
    .action((room: string, options: ChatCommandOptions) =>
      runChat(room, options, { input: process.stdin, output: process.stdout }),
    );
}

/** Chats until the person leaves or the input ends. Throws UserError or StartError in words for a person. */
export async function runChat(room: string, options: ChatCommandOptions, streams: Streams): Promise<void> {
  const env = readEnvironment();
  const server = findServer(options, env);
  const rest = new RestClient(server.url);
  const account = await Account.open(
    rest,
    credentialsOf(
      {
        user: options.user,
        password: options.password ?? env.NUBO_CHAT_PASSWORD,
        token: options.token ?? env.NUBO_CHAT_TOKEN,
      },
      server,
    ),
  );
  try {
    await converse(room, streams, { server, rest, account });
  } catch (error) {
    if (error instanceof ClientError) throw new StartError(error.message);
    throw error instanceof RestError ? new UserError(error.message) : error;
  }
}

function credentialsOf({ user, password, token }: Credentials, { runtime }: ServerAddress): Credentials {
  const isDemo =
    runtime?.demo !== undefined &&
    token === undefined &&
    (user ?? runtime.demo.username) === runtime.demo.username;
  if (isDemo && password === undefined)
    return { user: runtime.demo?.username, password: runtime.demo?.password };
  return { user, password, token };
}

interface Parts {
  readonly server: ServerAddress;
  readonly rest: RestClient;
  readonly account: Account;
}

async function converse(target: string, streams: Streams, { server, rest, account }: Parts): Promise<void> {
  const screen = new Screen(streams);
  let chat: Chat | undefined;
  const client = connect({
    url: server.socketUrl,
    token: () => account.token(),
    onEvent: (event) => chat?.onEvent(event),
    onStatus: (status) => chat?.onStatus(status),
  });
  try {
    await client.ready;
    const names = new Names(rest, account);
    await names.learn([account.user]);
    screen.remark(greeting(harmless(names.of(account.user)), account.isNew));
    chat = new Chat({ client, names, rooms: new Rooms({ rest, account, client, names }), screen });
    await chat.enter(target);
    const ended = client.ended.then((error) => {
      throw error ?? new ClientError('closed', 'The connection was closed.');
    });
    await Promise.race([talk(chat, screen), ended]);
  } finally {
    screen.close();
    client.close();
  }
}

/** Until the person leaves, and all they said is stored. */
async function talk(chat: Chat, screen: Screen): Promise<void> {
  await new Promise<void>((resolve) => {
    screen.listen({
      onLine: (line) => {
        if (!chat.onLine(line)) resolve();
      },
      onTyping: () => chat.typing(),
      onEnd: resolve,
    });
  });
  await chat.settled();
}

function greeting(name: string, isNew: boolean): string {
  return `${isNew ? `A new account was made: you are ${name}.` : `You are ${name}.`} /help shows what there is.`;
}
