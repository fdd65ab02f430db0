/** What a person sees when the server is up. */
import { join } from 'node:path';
import type { Config } from '#src/config.js';
import { projectRoot } from '#src/project-root.js';

/** @param startMs how long the start took */
export function welcome(config: Config, port: number, startMs: number): string {
  const everywhere = config.host === '0.0.0.0' || config.host === '::';
  const host = everywhere ? 'localhost' : config.host;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const lines = [
    `nubo is ready after ${(startMs / 1000).toFixed(1)} s`,
    `  REST       http://${address}`,
    `  WebSocket  ws://${address}/ws`,
    `  data       ${config.data}`,
  ];
  // The other commands look into the usual data folder by themselves.
  const where = config.data === join(projectRoot, 'data') ? '' : ` --data ${config.data}`;
  if (config.demo !== undefined) {
    lines.push(
      `  account    ${config.demo.username} (password ${config.demo.password})`,
      '',
      'Next, in two other terminals, talk:',
      `  node cli/nubo.mjs chat lobby${where}`,
      `  node cli/nubo.mjs chat lobby${where} --user ada --password 'a good password'`,
      'or send real people through it:',
      `  node cli/nubo.mjs replay samples/ubuntu-irc.ndjson.gz${where}`,
    );
  }
  return `${lines.join('\n')}\n\nCtrl-C ends it.\n`;
}
