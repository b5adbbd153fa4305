import { extensionIsAbsent, extensionIsAvailable, extensionIsInstalled } from '../conditions/extensions.ts'
import { schemaExists } from '../conditions/schemas.ts'
import { quote } from '../postgres/identifiers.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Installs an extension that the server offers.
 *
 * ```sql
 * CREATE EXTENSION "pg_stat_statements" SCHEMA "extensions"
 * -- down
 * DROP EXTENSION "pg_stat_statements"
 * ```
 */
export function createExtension(name: string, schema: string, reason: Reason): Operation {
  const create = `CREATE EXTENSION ${quote(name)} SCHEMA ${quote(schema)}`
  const drop = `DROP EXTENSION ${quote(name)}`
  return {
    ...work('createExtension', name),
    on: [],
    title: operationTitle('enable', name),
    ...reason,
    up: [create],
    down: [drop],
    calls: {
      [create]: { method: 'createExtension', args: [name, { schema }] },
      [drop]: { method: 'dropExtension', args: [name] },
    },
    before: [
      condition(extensionIsAvailable, name),
      condition(extensionIsAbsent, name),
      condition(schemaExists, schema),
    ],
    after: [condition(extensionIsInstalled, name)],
  }
}
