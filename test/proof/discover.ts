import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Proof } from './proof.js';

const folder = dirname(fileURLToPath(import.meta.url));

/** Every proof in this folder: the modules named `<item>.proof`, by item. */
export async function discoverProofs(): Promise<Proof[]> {
  const files = readdirSync(folder)
    .filter((name) => /\.proof\.[jt]s$/.test(name))
    .toSorted();
  return Promise.all(
    files.map(async (name) => {
      const { proof } = (await import(pathToFileURL(join(folder, name)).href)) as { proof: Proof };
      if (`${proof.item}.proof` !== name.slice(0, -3))
        throw new Error(`${name} holds the proof ${proof.item}`);
      return proof;
    }),
  );
}
