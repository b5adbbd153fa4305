import { join } from 'node:path'
import type { CodeStyle } from './codeStyle.ts'
import { codeStyleOf } from './codeStyle.ts'
import type { ExportedMigration } from './exported.ts'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { calls, runsOutside } from './javascript.ts'
import { afterAll, listNames, timestamps } from './names.ts'

/** `migrations/Migration20261130120000_create_bookings_idx.ts`, a class whose `isTransactional()` says so if it is not. */
export const mikroorm: ExportFormat = {
  name: 'mikroorm',
  out: 'migrations',
  next: 'npx mikro-orm migration:up',
  outsideTransaction:
    'MikroORM holds one transaction open around all migrations, for which a concurrent build would wait for ever: set `migrations: { allOrNothing: false }`.',
  async open(out, now) {
    const existing = (await listNames(out)).filter((name) => name.startsWith(prefix))
    const style = await codeStyleOf(out, existing)
    const times = timestamps(
      existing.map((name) => name.slice(prefix.length)),
      now,
    )
    return {
      add(migration) {
        const slug = migration.slug.replaceAll('-', '_')
        const name = afterAll(`${prefix}${times.next().value}_${slug}`, existing)
        return {
          name,
          files: [{ path: join(out, name + style.extension), text: textOf(migration, name, style) }],
        }
      },
    }
  },
}

const prefix = 'Migration'

function textOf(migration: ExportedMigration, name: string, { modules, typed }: CodeStyle): string {
  const outside = runsOutside(migration)
  const method = (way: string, type: string) => (typed ? `  override ${way}(): ${type} {` : `  ${way}() {`)
  const direction = (way: 'up' | 'down') => [
    method(`async ${way}`, 'Promise<void>'),
    ...calls(migration[way], outside, (sql) => `    this.addSql(${sql})`),
    '  }',
  ]
  const whole = [
    `class ${name} extends Migration {`,
    ...(outside ? [method('isTransactional', 'boolean'), '    return false', '  }', ''] : []),
    ...direction('up'),
    '',
    ...direction('down'),
    '}\n',
  ].join('\n')
  return [
    header(migration, '//'),
    modules
      ? `import { Migration } from '@mikro-orm/migrations'\n`
      : `const { Migration } = require('@mikro-orm/migrations')\n`,
    modules ? `export ${whole}` : `${whole}\nexports.${name} = ${name}\n`,
  ].join('\n')
}
