import { join } from 'node:path'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { afterAll, listNames, timestamps } from './names.ts'
import { downScript, sideDirectory } from './sideFiles.ts'
import { ended, partName, pieces } from './statements.ts'

/**
 * `prisma/migrations/20261130120000_create_bookings_idx/migration.sql`. Prisma sends a file as one string, which PostgreSQL runs
 * as one transaction if it has several statements; so a statement that cannot run in one has a file to itself.
 */
export const prisma: ExportFormat = {
  name: 'prisma',
  out: 'prisma/migrations',
  next: 'npx prisma migrate deploy',
  async open(out, now) {
    const names = await listNames(out)
    const existing = names.filter((name) => /^\d/.test(name))
    const times = timestamps(existing, now)
    const lock = names.includes('migration_lock.toml') ? [] : [lockFile(out)]
    return {
      add(migration) {
        const parts = pieces(migration.up)
        const names = parts.map((_, at) => {
          const time = times.next().value as string
          const slug = partName(migration.slug, at, parts.length).replaceAll('-', '_')
          return afterAll(`${time}_${slug}`, existing)
        })
        const [name = migration.slug] = names
        return {
          name,
          files: [
            ...lock.splice(0),
            ...parts.map((statements, at) => ({
              path: join(out, names[at] as string, 'migration.sql'),
              text: `${header(migration)}\n${ended(statements)}`,
            })),
            downScript(
              sideDirectory(out),
              name,
              migration,
              `Then: DELETE FROM _prisma_migrations WHERE migration_name IN (${names.map((each) => `'${each}'`).join(', ')});`,
            ),
          ],
        }
      },
    }
  },
}

/** Prisma refuses a directory of migrations without it. */
function lockFile(out: string) {
  return { path: join(out, 'migration_lock.toml'), text: 'provider = "postgresql"\n' }
}
