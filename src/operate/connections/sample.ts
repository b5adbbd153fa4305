import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { readDatabaseActivity } from '../../catalog/databaseActivity.ts'
import type { ActiveStatement } from '../../catalog/activeStatements.ts'
import { listActiveStatements } from '../../catalog/activeStatements.ts'
import { borrow } from '../../postgres/database.ts'
import type { Activity } from './poolSize.ts'

/** How often pg_stat_activity is looked at. */
const everyMs = 100

/** One statement as the samples have seen it. */
export interface SampledStatement {
  statement: string
  /** Sessions that were executing it, on average. */
  sessions: number
  /** What they waited for, and the share of its samples; `running` where they waited for nothing. */
  waits: { event: string; share: number }[]
}

export interface Sample {
  looks: number
  /** The statements with most sessions first. */
  statements: SampledStatement[]
  activity: Activity
}

/**
 * Looks at pg_stat_activity ten times a second, for so long: which statements are being executed, and what they wait for.
 * A statement that is seen in half of the looks takes half of a connection.
 *
 * @param nameOf what one statement is called: it has no literals
 */
export async function sampleActivity(
  client: ClientBase,
  forMs: number,
  nameOf: (statement: string) => string,
  options: { signal?: AbortSignal; onLook?: (elapsedMs: number) => void } = {},
): Promise<Sample> {
  const db = borrow(client)
  const started = performance.now()
  const before = await readDatabaseActivity(db)
  const seen: ActiveStatement[][] = []
  while (performance.now() - started < forMs && options.signal?.aborted !== true) {
    seen.push(await listActiveStatements(db))
    options.onLook?.(performance.now() - started)
    await sleep(everyMs, undefined, options.signal ? { signal: options.signal } : {}).catch(() => undefined)
  }
  const after = await readDatabaseActivity(db)
  return {
    looks: seen.length,
    statements: countSamples(seen, nameOf),
    activity: {
      busyMs: after.busyMs - before.busyMs,
      transactions: after.transactions - before.transactions,
      elapsedMs: performance.now() - started,
    },
  }
}

/** Looks -> statements with their waits. */
export function countSamples(
  looks: readonly ActiveStatement[][],
  nameOf: (statement: string) => string,
): SampledStatement[] {
  const groups = new Map<string, { samples: number; waits: Map<string, number> }>()
  for (const { statement, waitsFor } of looks.flat()) {
    const name = nameOf(statement)
    const group = groups.get(name) ?? { samples: 0, waits: new Map<string, number>() }
    const event = waitsFor ?? 'running'
    group.samples += 1
    group.waits.set(event, (group.waits.get(event) ?? 0) + 1)
    groups.set(name, group)
  }
  return Array.from(groups, ([statement, { samples, waits }]) => ({
    statement,
    sessions: samples / looks.length,
    waits: Array.from(waits, ([event, count]) => ({ event, share: count / samples })).sort(
      (a, b) => b.share - a.share,
    ),
  })).sort((a, b) => b.sessions - a.sessions)
}
