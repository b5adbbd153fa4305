import { knownRows } from '../../catalog/tables.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { columnsOfTypes } from './columnsOfTypes.ts'

/**
 * Columns of type json where jsonb would do. json is the text as it came: every access parses the whole of it, it has no
 * `=` for DISTINCT, GROUP BY and UNIQUE, and no index finds what contains a key or a value.
 *
 * ```sql
 * CREATE TABLE events (payload json);   -- before
 * CREATE TABLE events (payload jsonb);  -- after
 * ```
 *
 * jsonb loses the order of keys, spaces and repeated keys: where a signature is computed over the text, json or text it
 * stays. So it is a note.
 */
export const jsonColumn: Rule = {
  name: 'json_column',
  finds: 'columns of type json, which is parsed at every access and cannot be indexed',
  cure: 'jsonb, where the order of keys and the spaces do not matter',
  async find(context) {
    return (await columnsOfTypes(context, (type) => type === 'json')).map(({ table, columns }) => {
      const names = columns.map(({ name }) => displayIdentifier(name))
      const changes = columns.map(
        ({ name }) => `ALTER COLUMN ${quote(name)} TYPE jsonb USING ${quote(name)}::jsonb`,
      )
      return {
        level: 'info' as const,
        infoBecause: 'on tables that the change would rewrite',
        subject: [table.schema, table.name],
        detail: `${display(table)} has ${shortList(names)} as json, which is parsed at every access and has no = and no index.`,
        evidence: [measured('columns', names.join(', ')), estimated('rows', knownRows(table))],
        remedy: runbook(
          `See whether ${shortList(names)} of ${display(table)} can be jsonb`,
          'jsonb keeps neither the order of keys nor spaces nor repeated keys, writes 1e2 as 100, and refuses \\u0000: leave json where somebody needs the text as it came.',
          `ALTER TABLE ${qualified(table)} ${changes.join(', ')}; -- rewrites the table and builds its indexes again under an exclusive lock: for a small table, or in a quiet hour`,
          'While the application runs: add a column of the new type, fill it by a trigger and in batches, and rename the two in one short transaction.',
        ),
      }
    })
  },
}
