/** In which language words are looked for: as Postgres calls it, and as Mongo does. */
import type { Config } from './config.js';

/** undefined: no words are indexed, and none are found. */
export function searchLanguageOf({ searchLanguage }: Pick<Config, 'searchLanguage'>): string | undefined {
  return searchLanguage === 'off' ? undefined : searchLanguage;
}

/** Those that both know, by the same name. */
const sharedLanguages: ReadonlySet<string> = new Set([
  ...['danish', 'dutch', 'english', 'finnish', 'french', 'german', 'hungarian', 'italian'],
  ...['norwegian', 'portuguese', 'romanian', 'russian', 'spanish', 'swedish', 'turkish'],
]);

/** Of the text index in Mongo; `none`: words are taken as they are. undefined: there is to be none. */
export function mongoLanguageOf(config: Pick<Config, 'searchLanguage' | 'mongoSearch'>): string | undefined {
  const language = searchLanguageOf(config);
  if (language === undefined || config.mongoSearch === 'off') return undefined;
  return sharedLanguages.has(language) ? language : 'none';
}
