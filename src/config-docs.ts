/** The table of settings as people read it: `.env.example`, docs/configuration.md and `nubo config print`. */
import type { Config } from './config.js';
import type { Setting } from './config-setting.js';
import { settingList } from './config-table.js';

function defaultText({ fallback, fallbackText }: Setting): string {
  return fallbackText ?? (typeof fallback === 'string' ? `\`${fallback}\`` : 'unset');
}

/** `.env.example`: every setting, commented out, with its default. */
export function envExample(): string {
  const blocks = settingList.map(({ setting }) => {
    const value =
      typeof setting.fallback === 'string' && setting.fallbackText === undefined ? setting.fallback : '';
    const file = setting.secret ? `, or a file in ${setting.name}_FILE` : '';
    return [
      `# ${setting.doc}`,
      `# ${plain(setting.type)}${file}. Default: ${plain(defaultText(setting))}`,
      `#${setting.name}=${value}`,
    ].join('\n');
  });
  const intro =
    '# Copy to .env, which nubo reads from the folder it is started in; the environment wins over it.';
  return `${[intro, ...blocks].join('\n\n')}\n`;
}

/** docs/configuration.md */
export function settingsTable(): string {
  const rows = settingList.map(({ setting }) => {
    const names = [setting.name, ...(setting.alias === undefined ? [] : [setting.alias])];
    const secret = setting.secret ? 'yes' : '';
    const cells = [names.map((name) => `\`${name}\``).join(', '), setting.type, defaultText(setting), secret];
    return `| ${[...cells, setting.doc].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '# Configuration',
    '',
    'Everything is set in the environment (or in a file `.env` in the folder where nubo is started). Most settings',
    'can also be given to `nubo start` as an option: `NUBO_LOG_LEVEL` is `--log-level`. A secret may stand in a',
    'file instead, named in `<name>_FILE`. `nubo config check` says whether all is well, `nubo config print` what',
    'counts. This page is made by `nubo config docs`.',
    '',
    '| name | value | default | secret | what it does |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** What counts, a line per setting, secrets masked. */
export function printedConfig(config: Config): string {
  const lines = settingList.map(({ key, setting }) => {
    const value = config[key];
    const text = value === undefined ? '' : String(value);
    return `${setting.name}=${setting.secret && text !== '' ? '********' : text}`;
  });
  return `${lines.join('\n')}\n`;
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}
