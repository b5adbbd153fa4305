import { extensionIsAbsent, extensionIsAvailable, extensionIsInstalled } from '../conditions/extensions.ts'
import { schemaExists } from '../conditions/schemas.ts'
import { quote } from '../postgres/identifiers.ts'
import type { Draft } from './draft.ts'
import { condition, workId } from './draft.ts'
import { draftTitle } from './titles.ts'

/**
 * Installs an extension that the server offers.
 *
 * ```sql
 * CREATE EXTENSION "pg_stat_statements" WITH SCHEMA "extensions"
 * -- down
 * DROP EXTENSION "pg_stat_statements"
 * ```
 */
export function createExtension(
  name: string,
  schema: string,
  { rule, why }: { rule: string; why: string },
): Draft {
  return {
    kind: 'createExtension',
    ids: [workId('createExtension', name)],
    on: [],
    title: draftTitle('enable', name),
    rule,
    why,
    up: [`CREATE EXTENSION ${quote(name)} WITH SCHEMA ${quote(schema)}`],
    down: [`DROP EXTENSION ${quote(name)}`],
    before: [
      condition(extensionIsAvailable, name),
      condition(extensionIsAbsent, name),
      condition(schemaExists, schema),
    ],
    after: [condition(extensionIsInstalled, name)],
  }
}
