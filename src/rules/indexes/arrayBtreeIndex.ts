import { listForeignKeys } from '../../catalog/foreignKeys.ts'
import { defineIndexes } from '../../catalog/indexDefinitions.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { byTable } from '../../catalog/byTable.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule, Violation } from '../rule.ts'
import { unlessLocked } from '../unlessLocked.ts'
import { foundByOtherRules } from './foundByOtherRules.ts'
import { servesForeignKey } from './foreignKeyIndexes.ts'

/**
 * B-trees whose first column is an array. They find and sort whole arrays. No search for an element can use them.
 *
 * ```sql
 * CREATE INDEX posts_tags_idx ON posts (tags);                           -- before
 * SELECT ... WHERE tags @> ARRAY['sql'];                                 -- reads the whole table
 * CREATE INDEX CONCURRENTLY posts_tags_gin ON posts USING gin (tags);    -- after: finds @>, && and <@
 * ```
 *
 * `'sql' = ANY (tags)` uses neither, so such a condition has to be written with `@>`. A B-tree that was scanned is a note:
 * somebody compares or sorts whole arrays.
 */
export const arrayBtreeIndex: Rule = {
  name: 'array_btree_index',
  finds: 'B-trees on an array, which no search for an element can use',
  cure: 'a GIN index for searches by element',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const keys = byTable(await context.read(listForeignKeys))
    const isFound = await foundByOtherRules(context)
    const found = (await context.read(listIndexes)).filter(
      (index) =>
        wanted(index.schema) &&
        index.accessMethod === 'btree' &&
        index.keys[0]?.column?.type.endsWith('[]') === true &&
        !index.isUnique &&
        index.isValid &&
        !index.isPartOfPartitioned &&
        index.protectedBecause === null &&
        !isFound(index) &&
        !(keys.get(index.tableOid) ?? []).some((key) => servesForeignKey(index, key)),
    )
    const defined = await defineIndexes(context.db, found)
    const findings = [...defined.values()].map((index): Violation => {
      const column = index.keys[0]?.column?.name ?? ''
      const table = qualified(index.table)
      const mayBeUsed = index.scans > 0 || index.isPartitioned
      return {
        level: mayBeUsed ? 'info' : 'warn',
        subject: [index.schema, index.name],
        detail:
          `Index ${display(index)} is a B-tree on the array ${displayIdentifier(column)}: it finds and sorts whole arrays, ` +
          'and no search for an element can use it.' +
          (index.scans > 0
            ? ` It was scanned ${index.scans.toLocaleString('en-US')} times: somebody compares or sorts whole arrays.`
            : ''),
        evidence: [
          measured('definition', index.definition),
          measured('scans', index.isPartitioned ? null : index.scans),
          measured('size', index.sizeBytes, 'bytes'),
        ],
        remedy: runbook(
          `See whether ${displayIdentifier(column)} of ${display(index.table)} is searched by element`,
          'Such a condition is written column @> ARRAY[...] or column && ARRAY[...]; value = ANY (column) cannot use any index.',
          index.isPartitioned
            ? `CREATE INDEX ON ${table} USING gin (${quote(column)}); -- keeps writers waiting; or build it on each partition alone, and attach it`
            : `CREATE INDEX CONCURRENTLY ON ${table} USING gin (${quote(column)});`,
          `Keep ${displayIdentifier(index.name)} where whole arrays are compared or sorted; unused_index says when nobody scans it.`,
        ),
      }
    })
    return unlessLocked(context, findings)
  },
}
