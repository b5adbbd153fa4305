import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../errors.ts'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { listNames } from './names.ts'
import { downScript, sideDirectory } from './sideFiles.ts'
import { endOf, ended, partName, pieces } from './statements.ts'

/**
 * `migrations/committed/000042-create-bookings-idx.sql`, chained to the last file by hashes as `graphile-migrate commit` does it.
 * A file outside a transaction has one statement.
 */
export const graphile: ExportFormat = {
  name: 'graphile',
  out: 'migrations',
  scripts: 'committed',
  next: 'npx graphile-migrate migrate',
  misreads(statement) {
    const found = /:DATABASE_(NAME|OWNER)\b/.exec(statement)?.[0]
    return found === undefined ? undefined : `graphile-migrate would put a name in the place of ${found}`
  },
  async open(out) {
    const directory = join(out, 'committed')
    const existing = (await listNames(directory)).filter((name) => committed.test(name))
    let number = Math.max(0, ...existing.map((name) => Number.parseInt(name, 10)))
    let previous = await hashOfLast(directory, existing)
    return {
      add(migration) {
        const parts = pieces(migration.up)
        const names = parts.map((_, at) => {
          const slug = partName(migration.slug, at, parts.length)
          return `${String(++number).padStart(6, '0')}-${slug}`
        })
        const [name = migration.slug] = names
        const files = parts.map((statements, at) => {
          const body = migration.up.transactional
            ? `${header(migration)}${ended(statements)}`
            : `--! no-transaction\n${header(migration)}${statements.map(endOf).join('\n')}`
          const hash = hashOf(body, previous)
          const head = `--! Previous: ${previous ?? '-'}\n--! Hash: ${hash}\n--! Message: ${partName(migration.slug, at, parts.length)}`
          previous = hash
          return { path: join(directory, `${names[at]}.sql`), text: `${head}\n\n${body.trim()}\n` }
        })
        const forget = `Then: DELETE FROM graphile_migrate.migrations WHERE filename IN (${names.map((each) => `'${each.slice(0, 6)}.sql'`).join(', ')});`
        return { name, files: [...files, downScript(sideDirectory(out), name, migration, forget)] }
      },
    }
  },
}

const committed = /^\d+(-[-_a-zA-Z0-9]*)?\.sql$/

/** The hash that the next file names; undefined where there is no file yet. */
async function hashOfLast(directory: string, existing: string[]): Promise<string | undefined> {
  const last = existing.at(-1)
  if (last === undefined) return undefined
  const path = join(directory, last)
  const found = /^--! Hash: ?(\S+)$/m.exec(await readFile(path, 'utf8'))?.[1]
  if (found !== undefined) return found
  throw new UsageError(
    `${path} has no line "--! Hash:".`,
    'Commit it again with `graphile-migrate commit`; the next migration has to name its hash.',
  )
}

/** As graphile-migrate computes it. */
function hashOf(body: string, previous = ''): string {
  const text = `${`${previous}\n${body.trim()}`.trim()}\n`
  return `sha1:${createHash('sha1').update(text).digest('hex')}`
}
