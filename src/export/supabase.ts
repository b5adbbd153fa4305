import { join } from 'node:path'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { afterAll, listNames, timestamps } from './names.ts'
import { downScript, sideDirectory } from './sideFiles.ts'
import { ended, partName, pieces } from './statements.ts'

/**
 * `supabase/migrations/20261130120000_create-bookings-idx.sql`. The command line runs a file as one transaction, and a
 * statement that cannot run in one by itself.
 */
export const supabase: ExportFormat = {
  name: 'supabase',
  out: 'supabase/migrations',
  next: 'supabase db push',
  outsideTransaction:
    'The Supabase command line runs CONCURRENTLY outside a transaction since 2.109 for building, and since August 2026 for dropping an index.',
  async open(out, now) {
    const existing = (await listNames(out)).filter((name) => /^\d+_.*\.sql$/.test(name))
    const times = timestamps(existing, now)
    return {
      add(migration) {
        const parts = pieces(migration.up)
        const names = parts.map((_, at) => {
          const time = times.next().value as string
          return afterAll(`${time}_${partName(migration.slug, at, parts.length)}`, existing)
        })
        const [name = migration.slug] = names
        return {
          name,
          files: [
            ...parts.map((statements, at) => ({
              path: join(out, `${names[at]}.sql`),
              text: `${header(migration)}\n${ended(statements)}`,
            })),
            downScript(
              sideDirectory(out),
              name,
              migration,
              `Then: supabase migration repair --status reverted ${names.map((each) => each.slice(0, 14)).join(' ')}`,
            ),
          ],
        }
      },
    }
  },
}
