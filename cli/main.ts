/** The nubo command: finds the subcommand and gives a person's mistakes back as one sentence (O1). */
import { Command, CommanderError } from 'commander';
import { StartError, UserError } from '#src/errors.js';
import { endWhenUnread } from './unread.js';

/** Loaded when named, so that no command waits for what another one needs. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.js')).startCommand(),
  chat: async () => (await import('./chat.js')).chatCommand(),
  token: async () => (await import('./token.js')).tokenCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  config: async () => (await import('./config.js')).configCommand(),
  migrate: async () => (await import('./migrate.js')).migrateCommand(),
  verify: async () => (await import('./verify.js')).verifyCommand(),
  rebuild: async () => (await import('./rebuild.js')).rebuildCommand(),
};

const wrongUseCode = 2;
const cannotStartCode = 1;

async function createProgram(named: string | undefined): Promise<Command> {
  const program = new Command('nubo')
    .description('A self-hosted realtime chat engine.')
    .enablePositionalOptions()
    .showHelpAfterError('Add --help for what is possible.');
  const load = named === undefined ? undefined : commands[named];
  const wanted = load === undefined ? Object.values(commands) : [load];
  for (const loader of wanted) program.addCommand(await loader());
  return forEach(program, (command) => command.exitOverride());
}

/** A command and all below it: commander gives settings only to those that are added afterwards. */
function forEach(command: Command, apply: (command: Command) => void): Command {
  apply(command);
  for (const inner of command.commands) forEach(inner, apply);
  return command;
}

/** Says what went wrong, and answers the exit code. */
function explain(error: unknown): number {
  // Commander has written its message itself; help that was asked for has code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUseCode;
  if (error instanceof UserError || error instanceof StartError) {
    process.stderr.write(`nubo: ${error.message}\n`);
    return error instanceof UserError ? wrongUseCode : cannotStartCode;
  }
  process.stderr.write(`nubo: this is a fault of nubo itself, please report it:\n${stackOf(error)}\n`);
  return cannotStartCode;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const named = process.argv[2];
endWhenUnread({ goesOn: named === 'start' });
try {
  const program = await createProgram(named);
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}
