/** What a person sees when the server is up. */
import type { Config } from '#src/config.js';

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
  if (config.demo !== undefined) {
    lines.push(
      `  account    ${config.demo.username} (password ${config.demo.password})`,
      '',
      'Next, in another terminal:',
      '  node cli/nubo.mjs chat --help',
    );
  }
  return `${lines.join('\n')}\n\nCtrl-C ends it.\n`;
}
