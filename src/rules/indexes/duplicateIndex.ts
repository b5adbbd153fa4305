import { dropIndex } from '../../operations/dropIndex.ts'
import { dropConcurrently } from '../../operations/recreateIndex.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { DefinedIndex } from '../../catalog/indexDefinitions.ts'
import type { Spare } from '../../indexes/indexCoverage.ts'
import { defineSpares, readSpares } from '../../indexes/indexCoverage.ts'
import { dropWithPartitions, measured, migrationOr, runbook } from '../remedies.ts'
import type { Remedy, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessLocked } from '../unlessLocked.ts'

/**
 * Indexes that differ in nothing but their names. One serves every query that the other does, but every write updates
 * both, and both are cached and vacuumed.
 *
 * ```sql
 * CREATE INDEX a_b_idx ON a (b);
 * CREATE INDEX a_b_idx1 ON a (b);  -- before: every insert writes b twice
 * DROP INDEX CONCURRENTLY a_b_idx1;
 * ```
 */
export const duplicateIndex: Rule = {
  name: 'duplicate_index',
  finds: 'indexes that differ in nothing but their names',
  cure: 'dropping all but one',
  async find(context) {
    const wanted = await wantedSchemas(context)
    // The finding about the index of the partitioned table covers the indexes of its partitions.
    const spares = (await context.read(readSpares)).duplicates.filter(
      ({ index }) => wanted(index.schema) && !index.isPartOfPartitioned,
    )
    const findings = await Promise.all(
      (await defineSpares(context.db, spares)).map(async (spare) => ({
        level: 'warn' as const,
        subject: [spare.index.schema, spare.index.name],
        detail:
          `Index ${display(spare.index)} of ${display(spare.index.table)} is the same as ` +
          `${display(spare.coveredBy)}.`,
        evidence: [
          measured('definition', spare.index.definition),
          measured('same as', display(spare.coveredBy)),
          measured('size', spare.index.sizeBytes, 'bytes'),
        ],
        remedy: await cureOf(spare),
      })),
    )
    return unlessLocked(context, findings)
  },
}

function cureOf({ index, coveredBy }: Spare<DefinedIndex>): Promise<Remedy> {
  return migrationOr(
    () =>
      dropIndex(index, {
        rule: 'duplicate_index',
        why:
          `Index ${display(index)} is the same as ${display(coveredBy)}: no query needs both, and every write pays ` +
          'for both.',
        coveredBy,
      }),
    (reason) =>
      index.isPartitioned && index.protectedBecause === null
        ? dropWithPartitions(index)
        : reason === 'it keeps values unique'
          ? runbook(
              `Drop ${displayIdentifier(index.name)} once nothing names it`,
              `${display(coveredBy)} keeps the same values unique. Check that no code names ${displayIdentifier(index.name)}.`,
              `${dropConcurrently(index)};`,
              `To take it back: ${index.definition};`,
            )
          : { kind: 'none', title: `It stays: ${reason}` },
  )
}
