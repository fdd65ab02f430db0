/** Settings as options of a command: `NUBO_LOG_LEVEL` is `--log-level`. */
import { type Command, Option } from 'commander';
import { type ConfigOptions, optionName } from '#src/config.js';
import { type SettingKey, settingList, settings } from '#src/config-table.js';

/** Adds options for the settings; those that hold secrets are left out, since everybody sees command lines. */
export function addSettingOptions(command: Command, keys: readonly SettingKey[] = optionKeys): Command {
  for (const key of keys) {
    const { doc, name } = settings[key];
    command.addOption(new Option(`${optionName(key)} <value>`, `${doc} (${name})`));
  }
  return command;
}

const optionKeys: readonly SettingKey[] = settingList
  .filter(({ setting }) => setting.secret === undefined)
  .map(({ key }) => key);

/** What was given on the command line. */
export function settingOptions(command: Command): ConfigOptions {
  return command.opts<ConfigOptions>();
}
