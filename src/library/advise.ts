import type { OnDatabase } from './session.ts'
import { withSession } from './session.ts'

export interface AdviseOptions extends OnDatabase {
  /** Statements in the format of workload files, each ended by `;`. */
  workload: string
  /** What new indexes may take together. */
  budgetBytes?: number
  /** For planning and choosing; two minutes by default. */
  timeLimitMs?: number
  /** There are no other statements: what none of them needs may go. */
  complete?: boolean
}

/** Which indexes a workload wants. */
export interface AdviceDocument {
  indexes: AdvisedIndexDocument[]
  drops: { name: string; definition: string; reason: string }[]
  /** The estimated cost of the workload without the advice and with it. */
  cost: { before: number; after: number }
  /** No other choice is better by more than this share. */
  gap: number
}

export interface AdvisedIndexDocument {
  /** `CREATE INDEX ...`. */
  definition: string
  sizeBytes: number
  /** Indexes that it makes needless. */
  replaces: string[]
  serves: { query: string; costBefore: number; costAfter: number }[]
}

/**
 * Which indexes a workload wants, from statistics alone: everything is planned in a throw-away PostgreSQL on this machine
 * with the schema, the statistics and the sizes of the database, and none of its rows. The database is only read.
 *
 * ```ts
 * const { indexes, cost } = await advise({
 *   url: process.env.DIRECT_URL,
 *   workload: '-- calls: 12000\nSELECT * FROM bookings WHERE city_id = 7;',
 * })
 * for (const { definition } of indexes) console.log(definition)
 * ```
 *
 * @throws HundredfoldError if the workload cannot be read, or there is no PostgreSQL on this machine
 */
export async function advise(options: AdviseOptions): Promise<AdviceDocument> {
  const { workload, budgetBytes, timeLimitMs = 120_000, complete = false, signal } = options
  const { advise: adviseSession } = await import('../advisor/advise.ts')
  const { adviceDocument } = await import('../report/advice.ts')
  const { parseWorkload } = await import('../workload/workloadFile.ts')
  const statements = parseWorkload(workload)
  return withSession(options, async (client) => {
    const advice = await adviseSession(client, statements, {
      ...{ timeLimit: timeLimitMs / 1_000, complete },
      ...(budgetBytes === undefined ? {} : { budget: budgetBytes }),
      ...(signal ? { signal } : {}),
    })
    return adviceDocument(advice) as AdviceDocument
  })
}
