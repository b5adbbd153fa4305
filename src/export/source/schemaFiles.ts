import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** A file in which a project declares its schema. */
export interface SchemaFile {
  path: string
  text: string
}

/** Files of a folder and its subfolders that end so, sorted; none where there is no such folder. */
export async function readSchemaFiles(directory: string, ending: string): Promise<SchemaFile[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => [])
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('node_modules'))
    .sort()
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, 'utf8') })))
}
