import { join } from 'node:path'
import type { ExportFile, ExportFormat } from './format.ts'
import { header } from './header.ts'
import { listNames, timestamps } from './names.ts'
import { downScript, sideDirectory } from './sideFiles.ts'
import { ended, partName, pieces } from './statements.ts'

/**
 * `src/main/resources/db/migration/V20261130120000__create_bookings_idx.sql`, or the next whole number where versions are
 * counted. A file beside it says where there is no transaction, and that `${...}` is no placeholder.
 */
export const flyway: ExportFormat = {
  name: 'flyway',
  out: 'src/main/resources/db/migration',
  next: 'flyway migrate',
  outsideTransaction:
    'Flyway itself holds a transaction open, for which a concurrent build would wait for ever: set `flyway.postgresql.transactional.lock=false`.',
  async open(out, now) {
    const versions = versionsIn(await listNames(out), now)
    return {
      add(migration) {
        const parts = pieces(migration.up)
        const names = parts.map((_, at) => {
          const slug = partName(migration.slug, at, parts.length).replaceAll('-', '_')
          return `V${versions.next().value}__${slug}`
        })
        const [name = migration.slug] = names
        const files = parts.flatMap((statements, at): ExportFile[] => {
          const path = join(out, `${names[at]}.sql`)
          const text = `${header(migration)}\n${ended(statements)}`
          const settings = [
            ...(migration.up.transactional ? [] : ['executeInTransaction=false']),
            ...(text.includes('${') ? ['placeholderReplacement=false'] : []),
          ]
          const conf = { path: `${path}.conf`, text: settings.map((line) => `${line}\n`).join('') }
          return settings.length === 0 ? [{ path, text }] : [{ path, text }, conf]
        })
        const versionsOf = names.map((each) => `'${each.slice(1, each.indexOf('__'))}'`).join(', ')
        const forget = `Then: DELETE FROM flyway_schema_history WHERE version IN (${versionsOf});`
        return { name, files: [...files, downScript(sideDirectory(out), name, migration, forget)] }
      },
    }
  },
}

/** Versions after those that are there: whole numbers are counted on, all others are followed by a time. */
function* versionsIn(names: string[], now: Date): Generator<string> {
  const versions = names.flatMap((name) => /^V(\d+)[\d._]*?__.*\.sql$/.exec(name)?.[1] ?? [])
  const greatest = Math.max(0, ...versions.map(Number))
  if (versions.length > 0 && (greatest < 1e7 || greatest >= 1e14)) {
    for (let at = greatest + 1; ; at++) yield `${at}`
  }
  yield* timestamps(versions, now)
}
