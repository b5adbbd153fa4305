import { display, qualified } from '../../postgres/identifiers.ts'
import { hiddenFromRole } from '../../catalog/bloat.ts'
import type { IndexBloat } from '../../catalog/indexBloat.ts'
import { listIndexBloat } from '../../catalog/indexBloat.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { megabytes } from '../tables/tableBloat.ts'

/** Random inserts keep a B-tree about a third empty: that is no bloat. */
const leastPercent = 40
const leastBytes = 8 * 1_048_576
const muchBytes = 256 * 1_048_576

/**
 * B-trees with at least two fifths more empty space than new ones would have. Estimates for trees that store equal keys
 * once have low confidence, and say so.
 *
 * ```sql
 * REINDEX INDEX CONCURRENTLY "public"."messages_conversation_id_created_at_idx"
 * ```
 */
export const indexBloat: Rule = {
  name: 'index_bloat',
  finds: 'B-trees that are much emptier than new ones would be',
  cure: 'steps for REINDEX INDEX CONCURRENTLY, with the lock and the disk it needs',
  async find(context) {
    const trees = (await context.read(listIndexBloat)).filter(
      ({ schema }) => !context.schemas || context.schemas.includes(schema),
    )
    const findings = trees.flatMap(toFinding)
    const hidden = trees.filter(({ how }) => how === hiddenFromRole)
    if (hidden.length > 0) {
      throw new CannotSee(
        `The role does not see the statistics of ${hidden.length} of ${trees.length} indexes; SELECT on their tables or pgstattuple would show it.`,
        findings,
      )
    }
    return findings
  },
}

function toFinding(tree: IndexBloat): Violation[] {
  const { bloatPercent, wastedBytes, kind, confidence } = tree
  if (bloatPercent === null || wastedBytes === null || kind === 'unknown') return []
  if (bloatPercent < leastPercent || wastedBytes < leastBytes) return []
  const isLow = confidence === 'low'
  return [
    {
      level: wastedBytes >= muchBytes && !isLow ? 'warn' : 'info',
      subject: [tree.schema, tree.name],
      detail:
        `${megabytes(wastedBytes)} of the ${megabytes(tree.sizeBytes)} of ${display(tree)} are empty (${Math.round(bloatPercent)} %, ${kind} by ${tree.how}` +
        `${isLow ? ', low confidence: equal keys are stored once' : ''})`,
      evidence: [
        { name: 'wasted', value: Math.round(wastedBytes), unit: 'bytes', kind },
        { name: 'bloat', value: Number(bloatPercent.toFixed(1)), unit: '%', kind },
        measured('size', tree.sizeBytes, 'bytes'),
        { name: 'confidence', value: confidence, kind },
      ],
      remedy: runbook(
        `Rebuild ${display(tree)} while it is in use`,
        `Have ${megabytes(tree.sizeBytes)} of disk space free: the old index is kept until the new one is done.`,
        'End transactions that have been open for long: the build waits for every older transaction.',
        `REINDEX INDEX CONCURRENTLY ${qualified(tree)}; takes SHARE UPDATE EXCLUSIVE, so that reads and writes go on; it cannot run in a transaction, nor through a transaction pooler.`,
        `If it fails, it leaves an invalid index whose name ends in _ccnew: DROP INDEX CONCURRENTLY that one and try again (rule invalid_index finds it).`,
      ),
    },
  ]
}
