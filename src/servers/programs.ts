import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * Where a program is that the system brings and npm does not, such as `pgbouncer`; undefined where it is not
 * installed. `path` is the list of folders to look in, as the environment's PATH writes it.
 */
export function findProgram(name: string, path: string): string | undefined {
  // Debian keeps servers in sbin, which is not on everybody's path.
  const folders = [...path.split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
