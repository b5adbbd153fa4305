import { join } from 'node:path'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { afterAll, listNames, timestamps } from './names.ts'
import { ended, pairs, partName } from './statements.ts'

/**
 * `db/migrations/20261130120000_create_bookings_idx.sql`, with `transaction:false` where it runs outside a transaction.
 * dbmate sends each part of a file as one string, so such a part has one statement.
 */
export const dbmate: ExportFormat = {
  name: 'dbmate',
  out: 'db/migrations',
  next: 'npx dbmate up',
  misreads(statement) {
    return /^\s*--\s*migrate:/m.test(statement)
      ? 'dbmate would take a line of it for the beginning of a part'
      : undefined
  },
  async open(out, now) {
    const existing = (await listNames(out)).filter((name) => /^\d+.*\.sql$/.test(name))
    const times = timestamps(existing, now)
    return {
      add(migration) {
        const parts = pairs(migration.up, migration.down)
        const names = parts.map((_, at) => {
          const slug = partName(migration.slug, at, parts.length).replaceAll('-', '_')
          return afterAll(`${times.next().value}_${slug}`, existing)
        })
        const part = (way: 'up' | 'down', statements: string[]) => {
          const option = migration[way].transactional ? '' : ' transaction:false'
          return `-- migrate:${way}${option}\n${statements.length === 0 ? 'SELECT 1;\n' : ended(statements)}`
        }
        return {
          name: names[0] as string,
          files: parts.map(({ up, down }, at) => ({
            path: join(out, `${names[at]}.sql`),
            text: `${header(migration)}${part('up', up)}\n${part('down', down)}`,
          })),
        }
      },
    }
  },
}
