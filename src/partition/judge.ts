import type { ClientBase } from 'pg'
import { listRelationSizes } from '../catalog/relationSizes.ts'
import { bytesOf, listSettings } from '../catalog/settings.ts'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { ForetellOptions, Foretelling } from './foretell.ts'
import { foretell } from './foretell.ts'
import type { Instead } from './instead.ts'
import { recommendInstead } from './instead.ts'
import type { KeyedTable } from './keyUses.ts'
import type { Every } from './intervals.ts'
import { layoutsOf } from './layouts.ts'
import type { TableFacts, Worth } from './worthwhile.ts'
import { judgeWorth } from './worthwhile.ts'

/** A judgement, what it was made from, and what to do where partitioning does not pay. */
export interface PartitionJudgement extends Worth {
  foretelling: Foretelling
  instead: Instead[]
}

export interface JudgeOptions extends Omit<ForetellOptions, 'layouts'> {
  every: Every
  /** How long rows are kept, such as `24 months`, where somebody has declared it. */
  retention?: string
  /** Whether to look for an index where partitioning does not pay; so by default. */
  recommends?: boolean
  /** The rows are copied: each interval is a partition of its own at once. */
  rewriteHistory?: boolean
  /** Other layouts than the two of `layoutsOf`. */
  layouts?: ForetellOptions['layouts']
}

/**
 * Whether a table is worth partitioning. The source is only read; nothing is written.
 *
 * ```ts
 * const judgement = await judgePartitioning(client, { table: bookings, key: 'booking_date' }, workload, {
 *   every: 'month',
 * })
 * if (!judgement.worthwhile) print(partitionJudgementLines(judgement))
 * ```
 *
 * @throws UsageError where the table, the key or their statistics do not allow a judgement
 */
export async function judgePartitioning(
  source: ClientBase,
  keyed: KeyedTable,
  workload: readonly WorkloadStatement[],
  options: JudgeOptions,
): Promise<PartitionJudgement> {
  const { every, retention, recommends = true } = options
  const now = new Date().toISOString()
  const foretelling = await foretell(source, keyed, workload, {
    ...options,
    layouts:
      options.layouts ??
      ((keys) => layoutsOf({ ...keys, now }, every).slice(options.rewriteHistory ? -1 : 0)),
  })
  const facts = await readFacts(source, keyed, retention)
  const worth = judgeWorth(foretelling, facts)
  if (worth.worthwhile || !recommends) return { ...worth, foretelling, instead: [] }
  options.onStep?.('looking for an index instead')
  const instead = await recommendInstead(source, keyed, workload, {
    ...options,
    correlation: foretelling.key.correlation,
  })
  return { ...worth, foretelling, instead }
}

async function readFacts(
  source: ClientBase,
  { table }: KeyedTable,
  retention: string | undefined,
): Promise<TableFacts> {
  return readOnly(source, async () => {
    const [size] = await listRelationSizes(borrow(source), [table])
    const settings = await listSettings(borrow(source))
    const caches = ['effective_cache_size', 'shared_buffers'].flatMap((name) => settings.get(name) ?? [])
    return {
      size: size?.bytes ?? 0,
      memory: Math.max(0, ...caches.map(bytesOf)),
      ...(retention === undefined ? {} : { retention }),
    }
  })
}
