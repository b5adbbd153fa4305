import { join } from 'node:path'
import type { CodeStyle } from './codeStyle.ts'
import { codeStyleOf, isCode } from './codeStyle.ts'
import type { ExportedMigration } from './exported.ts'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { calls, runsOutside } from './javascript.ts'
import { afterAll, listNames, timestamps } from './names.ts'

/** `migrations/20261130120000_create_bookings_idx.ts`, with the functions `up` and `down`. */
export const kysely: ExportFormat = {
  name: 'kysely',
  out: 'migrations',
  next: 'your script that calls migrator.migrateToLatest()',
  outsideTransaction:
    'Kysely runs all migrations in one transaction: build the Migrator with `disableTransactions: true`.',
  async open(out, now) {
    const existing = (await listNames(out)).filter(isCode)
    const style = await codeStyleOf(out, existing)
    const times = timestamps(existing, now)
    return {
      add(migration) {
        const name = afterAll(`${times.next().value}_${migration.slug.replaceAll('-', '_')}`, existing)
        return { name, files: [{ path: join(out, name + style.extension), text: textOf(migration, style) }] }
      },
    }
  },
}

function textOf(migration: ExportedMigration, { modules, typed }: CodeStyle): string {
  const outside = runsOutside(migration)
  const direction = (way: 'up' | 'down') => {
    const begin = modules ? `export async function ${way}` : `exports.${way} = async function`
    return [
      typed ? `${begin}(db: Kysely<unknown>): Promise<void> {` : `${begin}(db) {`,
      ...calls(migration[way], outside, (sql) => `  await sql.raw(${sql}).execute(db)`),
      '}\n',
    ].join('\n')
  }
  const names = typed ? 'type Kysely, sql' : 'sql'
  return [
    header(migration, '//'),
    modules ? `import { ${names} } from 'kysely'\n` : `const { sql } = require('kysely')\n`,
    ...(outside ? ['// Outside a transaction: new Migrator({ ..., disableTransactions: true })\n'] : []),
    direction('up'),
    direction('down'),
  ].join('\n')
}
