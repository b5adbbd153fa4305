import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * The path of a program that the system installs and npm does not, such as `pgbouncer`; undefined if it is not
 * installed. `path` lists the folders to search, in the format of PATH.
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
