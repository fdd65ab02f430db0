/** The project's own files, for tests that read them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';

/** Not ours, or made by running something. */
const skipped = new Set([
  'node_modules',
  'build',
  'build.new',
  'build.old',
  'data',
  '.git',
  'proof',
  'results',
]);

export interface ProjectFile {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** All text files below a folder of the project whose names end in one of `endings`; all when there are none. */
export function projectFiles(folder: string, endings: readonly string[] = ['']): ProjectFile[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (skipped.has(entry.name)) return [];
    if (entry.isDirectory()) return projectFiles(path, endings);
    if (!entry.isFile() || !endings.some((ending) => entry.name.endsWith(ending))) return [];
    return [{ path, text: readFileSync(join(projectRoot, path), 'utf8') }];
  });
}
