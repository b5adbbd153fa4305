import { join } from 'node:path'
import type { CodeStyle } from './codeStyle.ts'
import { codeStyleOf } from './codeStyle.ts'
import type { ExportedMigration } from './exported.ts'
import type { ExportFormat } from './format.ts'
import { header } from './header.ts'
import { calls, runsOutside } from './javascript.ts'
import { listNames } from './names.ts'

/** `src/migrations/1796040000000-CreateBookingsIdx.ts`, a class with `transaction = false` where it runs outside one. */
export const typeorm: ExportFormat = {
  name: 'typeorm',
  out: 'src/migrations',
  next: 'npx typeorm migration:run --dataSource FILE',
  outsideTransaction:
    'TypeORM refuses `transaction = false` while all migrations share one transaction: run `migration:run --transaction each`, and `migration:revert --transaction none`.',
  async open(out, now) {
    const existing = await listNames(out)
    const style = await codeStyleOf(out, existing)
    const taken = existing.map((name) => Number(/^\d{13}(?!\d)/.exec(name)?.[0] ?? 0))
    let time = Math.max(now.getTime(), ...taken.map((each) => each + 1))
    return {
      add(migration) {
        const title = pascalCase(migration.slug)
        const name = `${title}${time}`
        const path = join(out, `${time++}-${title}${style.extension}`)
        return { name, files: [{ path, text: textOf(migration, name, style) }] }
      },
    }
  },
}

/** `create-bookings-idx` -> `CreateBookingsIdx`. */
function pascalCase(slug: string): string {
  const words = slug.split('-').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
  const title = words.join('')
  return /^\d/.test(title) ? `Migration${title}` : title
}

function textOf(migration: ExportedMigration, name: string, { modules, typed }: CodeStyle): string {
  const outside = runsOutside(migration)
  const direction = (way: 'up' | 'down') => [
    typed ? `  async ${way}(queryRunner: QueryRunner): Promise<void> {` : `  async ${way}(queryRunner) {`,
    ...calls(migration[way], outside, (sql) => `    await queryRunner.query(${sql})`),
    '  }',
  ]
  const begin = modules ? `export class ${name}` : `module.exports = class ${name}`
  return [
    header(migration, '//'),
    ...(typed ? [`import type { MigrationInterface, QueryRunner } from 'typeorm'\n`] : []),
    [
      typed ? `${begin} implements MigrationInterface {` : `${begin} {`,
      `  name = '${name}'`,
      ...(outside ? ['  transaction = false'] : []),
      '',
      ...direction('up'),
      '',
      ...direction('down'),
      '}\n',
    ].join('\n'),
  ].join('\n')
}
