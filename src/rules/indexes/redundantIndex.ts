import { dropIndex } from '../../operations/dropIndex.ts'
import { display } from '../../postgres/identifiers.ts'
import { defineSpares, readSpares } from '../../indexes/indexCoverage.ts'
import { dropWithPartitions, measured, migrationOr } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessLocked } from '../unlessLocked.ts'

/**
 * Indexes whose searches a wider index of the same table serves as well. The first keys of the wider one are the same
 * columns, with the same operator classes, collations and order (or all of them inverted). It holds every included
 * column, and both are on the same rows.
 *
 * ```sql
 * CREATE INDEX a_b_idx ON a (b);       -- before: written by every insert
 * CREATE INDEX a_b_c_idx ON a (b, c);  -- finds rows by b as well
 * DROP INDEX CONCURRENTLY a_b_idx;
 * ```
 */
export const redundantIndex: Rule = {
  name: 'redundant_index',
  finds: 'indexes whose searches a wider index serves as well',
  cure: 'dropping the narrower one',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { redundant } = await context.read(readSpares)
    const spares = redundant.filter(({ index }) => wanted(index.schema))
    const findings = await Promise.all(
      (await defineSpares(context.db, spares)).map(async ({ index, coveredBy }) => ({
        level: 'warn' as const,
        subject: [index.schema, index.name],
        detail: `Index ${display(coveredBy)} serves every search that ${display(index)} serves.`,
        evidence: [
          measured('definition', index.definition),
          measured('covered by', coveredBy.definition),
          measured('size', index.sizeBytes, 'bytes'),
          measured('size of the wider one', coveredBy.sizeBytes, 'bytes'),
          measured('scans', index.scans),
        ],
        remedy: await migrationOr(
          () =>
            dropIndex(index, {
              rule: 'redundant_index',
              why:
                `${display(coveredBy)} (${coveredBy.definition}) begins with the same columns, so it serves ` +
                `every search that ${display(index)} serves; every write pays for both.`,
              coveredBy,
            }),
          (reason) =>
            index.isPartitioned ? dropWithPartitions(index) : { kind: 'none', title: `It stays: ${reason}` },
        ),
      })),
    )
    return unlessLocked(context, findings)
  },
}
