import type { Figures, ForetoldStatement, Foretelling } from './foretell.ts'
import { msOf } from './foretell.ts'
import type { ForetoldUpkeep } from './foretellUpkeep.ts'

/** At least this share of the calls must say which partitions they need. */
export const leastShareWithKey = 0.8
/** Less than this is no change. */
const leastChange = 0.05

/** What the judgement needs to know beside the plans. */
export interface TableFacts {
  /** Of the table with its indexes and TOAST, in bytes. */
  size: number
  /**
   * Bytes that the server counts on for caching: the larger of effective_cache_size and shared_buffers. The first counts the
   * system's cache too, and what fits into either is not read from the disk.
   */
  memory: number
  /** How long rows are kept, such as `24 months`, where somebody has declared it. */
  retention?: string
}

/** How one call of a statement changes. */
export interface StatementChange {
  name: string
  calls: number
  hasKey: boolean
  beforeMs: number
  afterMs: number
  /** Of the planner. */
  cost: { before: number; after: number }
  planMs: { before: number; after: number }
  /** Partitions that are read. */
  partitions: number
  /** Times as fast; below 1 it gets slower. */
  ratio: number
}

/** A statement that PostgreSQL refuses on the partitioned table. */
export interface BrokenStatement {
  name: string
  calls: number
  reason: string
}

/** What becomes of the statements in one layout. */
export interface LayoutChanges {
  name: string
  partitions: number
  faster: StatementChange[]
  slower: StatementChange[]
  unchanged: StatementChange[]
  breaks: BrokenStatement[]
  /** Milliseconds of all calls. */
  total: { before: number; after: number }
}

/** A condition of the judgement, and whether it holds. */
export type Reason =
  | { kind: 'size'; holds: boolean; size: number; memory: number }
  | { kind: 'retention'; holds: boolean; retention: string }
  | { kind: 'key'; holds: boolean; share: number; least: number; calls: number }
  | { kind: 'workload'; holds: boolean; layout: string; before: number; after: number }

/** Whether partitioning pays, with the numbers. */
export interface Worth {
  worthwhile: boolean
  reasons: Reason[]
  /** In the last layout, which is what comes in the end, the calls that gain most in all first. */
  faster: StatementChange[]
  slower: StatementChange[]
  breaks: BrokenStatement[]
  layouts: LayoutChanges[]
  upkeep: ForetoldUpkeep | undefined
  size: number
  memory: number
  shareWithKey: number
}

/**
 * Judges whether partitioning pays: the table is at least as large as memory, or its rows are dropped some day; at least
 * 80 % of its calls carry the key; and the whole workload does not get slower in the end.
 *
 * ```ts
 * const { worthwhile, reasons } = judgeWorth(await foretell(client, keyed, workload, options), facts)
 * ```
 */
export function judgeWorth(foretelling: Foretelling, { size, memory, retention }: TableFacts): Worth {
  const layouts = foretelling.layouts.map(({ name, partitions, statements }) =>
    changesOf(name, partitions.length, statements),
  )
  const last = layouts.at(-1)
  const { share, calls } = foretelling.calls
  const isLarge = size >= memory
  const reasons: Reason[] = [
    { kind: 'size', holds: isLarge, size, memory },
    ...(retention === undefined ? [] : [{ kind: 'retention' as const, holds: true, retention }]),
    { kind: 'key', holds: calls > 0 && share >= leastShareWithKey, share, least: leastShareWithKey, calls },
    ...(last
      ? [
          {
            kind: 'workload' as const,
            holds: last.total.after <= last.total.before,
            layout: last.name,
            ...last.total,
          },
        ]
      : []),
  ]
  const isWanted = isLarge || retention !== undefined
  const others = reasons.filter(({ kind }) => kind === 'key' || kind === 'workload')
  return {
    worthwhile: isWanted && last !== undefined && others.every(({ holds }) => holds),
    reasons,
    faster: last?.faster ?? [],
    slower: last?.slower ?? [],
    breaks: last?.breaks ?? [],
    layouts,
    upkeep: foretelling.upkeep,
    size,
    memory,
    shareWithKey: share,
  }
}

function changesOf(
  name: string,
  partitions: number,
  statements: readonly ForetoldStatement[],
): LayoutChanges {
  const changes: StatementChange[] = []
  const breaks: BrokenStatement[] = []
  for (const each of statements) {
    const { statement, after, refused } = each
    if (after) changes.push(changeOf(each, after))
    else breaks.push({ name: statement.name, calls: statement.calls, reason: refused ?? '' })
  }
  const isFaster = ({ ratio }: StatementChange): boolean => ratio > 1 + leastChange
  const isSlower = ({ ratio }: StatementChange): boolean => ratio < 1 / (1 + leastChange)
  const total = (of: 'beforeMs' | 'afterMs'): number =>
    changes.reduce((sum, change) => sum + change.calls * change[of], 0)
  return {
    name,
    partitions,
    faster: byGain(changes.filter(isFaster)),
    slower: byGain(changes.filter(isSlower)),
    unchanged: changes.filter((change) => !isFaster(change) && !isSlower(change)),
    breaks,
    total: { before: total('beforeMs'), after: total('afterMs') },
  }
}

function changeOf({ statement, hasKey, before, ratio }: ForetoldStatement, after: Figures): StatementChange {
  return {
    name: statement.name,
    calls: statement.calls,
    hasKey,
    beforeMs: msOf(before),
    afterMs: msOf(after),
    cost: { before: before.cost, after: after.cost },
    planMs: { before: before.planMs, after: after.planMs },
    partitions: after.partitions,
    ratio,
  }
}

/** Those that change most in all calls first. */
function byGain(changes: StatementChange[]): StatementChange[] {
  const gain = ({ calls, beforeMs, afterMs }: StatementChange): number => calls * Math.abs(beforeMs - afterMs)
  return changes.sort((one, other) => gain(other) - gain(one))
}
