import { join } from 'node:path'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { afterAll, listNames, timestamps } from './names.ts'
import { psqlScript } from './statements.ts'

/** `sql/20261130120000_create-bookings-idx.up.sql` and `.down.sql`, for psql. */
export const sql: ExportFormat = {
  name: 'sql',
  out: 'sql',
  next: 'psql -v ON_ERROR_STOP=1 -f FILE',
  async open(out, now) {
    const existing = (await listNames(out)).filter((name) => name.endsWith('.sql'))
    const times = timestamps(existing, now)
    return {
      add(migration) {
        const name = afterAll(`${times.next().value}_${migration.slug}`, existing)
        return {
          name,
          files: (['up', 'down'] as const).map((way) => ({
            path: join(out, `${name}.${way}.sql`),
            text: `${header(migration)}\n${psqlScript(migration[way])}`,
          })),
        }
      },
    }
  },
}
