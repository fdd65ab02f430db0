import type { Config } from '#src/config.js';
import { createTokens, type Tokens } from '#src/people/tokens.js';

/** The keys that the configuration names, as every thread needs them. */
export function createThreadTokens(config: Config): Tokens {
  return createTokens({
    secret: config.secret,
    ...(config.appSecret === undefined ? {} : { appSecret: config.appSecret }),
    ...(config.appJwksUrl === undefined ? {} : { appJwksUrl: config.appJwksUrl }),
    ...(config.appIssuer === undefined ? {} : { appIssuer: config.appIssuer }),
    ...(config.appAudience === undefined ? {} : { appAudience: config.appAudience }),
    accessMs: config.accessTokenSeconds * 1000,
    clock: { now: Date.now },
  });
}
