/** `nubo config`: is the configuration right, what counts, what can be set. */
import { Command } from 'commander';
import { type Config, type ConfigOptions, parseConfig, unknownNames } from '#src/config.js';
import { envExample, printedConfig, settingsTable } from '#src/config-docs.js';
import { UserError } from '#src/errors.js';
import { readEnvironment } from './environment.js';
import { addSettingOptions, settingOptions } from './setting-options.js';

export function configCommand(): Command {
  const config = new Command('config').description('Check, print and document the configuration.');
  addSettingOptions(config.command('check').description('Say whether the configuration is right.')).action(
    (_options, command: Command) => check(settingOptions(command)),
  );
  addSettingOptions(config.command('print').description('Print what counts, with secrets masked.')).action(
    (_options, command: Command) => void process.stdout.write(printedConfig(read(settingOptions(command)))),
  );
  config
    .command('docs')
    .description('Print the table of all settings, as Markdown.')
    .action(() => void process.stdout.write(settingsTable()));
  config
    .command('example')
    .description('Print a file .env with all settings.')
    .action(() => void process.stdout.write(envExample()));
  return config;
}

/** Reads it without making anything: a secret that would be made at the start is only named. */
function read(options: ConfigOptions): Config {
  const later = 'made at the first start';
  return parseConfig(readEnvironment(), options, () => ({
    secret: later,
    operatorKey: later,
    demo: { username: 'demo', password: later },
  }));
}

function check(options: ConfigOptions): void {
  const { mode, env } = read(options);
  const unknown = unknownNames(readEnvironment());
  if (unknown.length > 0) throw new UserError(unknown.join('\nnubo: '));
  const store = mode === 'embedded' ? 'an embedded Postgres' : 'the Postgres of NUBO_POSTGRES_URL';
  process.stdout.write(`The configuration is right: ${env}, with ${store}.\n`);
}
