import { join } from 'node:path'
import type { CodeStyle } from './codeStyle.ts'
import { codeStyleOf, isCode } from './codeStyle.ts'
import type { ExportedMigration } from './exported.ts'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { calls, runsOutside } from './javascript.ts'
import { afterAll, listNames, timestamps } from './names.ts'

/**
 * `migrations/20261130120000_create_bookings_idx.js`, with `config = { transaction: false }` where it runs outside a
 * transaction. A `?` stands for a value in Knex, so each is escaped.
 */
export const knex: ExportFormat = {
  name: 'knex',
  out: 'migrations',
  next: 'npx knex migrate:latest',
  misreads(statement) {
    return /\\\?/.test(statement) ? String.raw`Knex would take away the backslash of \? in it` : undefined
  },
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
  const exported = (name: string) => (modules ? `export const ${name}` : `exports.${name}`)
  const direction = (name: 'up' | 'down') => {
    const lines = calls(
      migration[name],
      outside,
      (sql) => `  await knex.raw(${sql.replaceAll('?', String.raw`\\?`)})`,
    )
    const begin = modules ? `export async function ${name}` : `exports.${name} = async function`
    const head = typed ? `${begin}(knex: Knex): Promise<void> {` : `${begin}(knex) {`
    return `${[head, ...lines, '}'].join('\n')}\n`
  }
  return [
    header(migration, '//'),
    ...(typed ? [`import type { Knex } from 'knex'\n`] : []),
    ...(outside ? [`${exported('config')} = { transaction: false }\n`] : []),
    direction('up'),
    direction('down'),
  ].join('\n')
}
