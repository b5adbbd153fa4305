import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { PendingMigration } from '../optimize/pendingMigrations.ts'
import type { FormatName } from './format.ts'
import { formats } from './formats.ts'
import { idsLine } from './header.ts'

/** Larger files are no migrations of ours. */
const longest = 4_000_000

/** Files in another tool's directory that `optimize` has written: what they do is not written again while it is to be done. */
export async function listExported(format: FormatName, out: string): Promise<PendingMigration[]> {
  const directory = join(out, formats[format].scripts ?? '')
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => [])
  const found: PendingMigration[] = []
  for (const entry of entries) {
    if (!entry.isFile() || !/\.(sql|[cm]?[jt]s)$/.test(entry.name)) continue
    if (entry.parentPath.includes('node_modules')) continue
    const path = join(entry.parentPath, entry.name)
    const text = await readFile(path, 'utf8').catch(() => '')
    if (text.length <= longest && text.includes(idsLine)) found.push({ name: path, text })
  }
  return found
}
