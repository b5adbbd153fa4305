import type { Client } from 'pg'
import { connect } from '../../postgres/connect.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import type { NamedRelation } from '../../syntax/relations.ts'
import { updatesIn } from '../../syntax/updatedColumns.ts'
import { median } from '../bench.ts'
import { readCasaoraWorkload } from '../casaora/database.ts'
import type { Measurement } from '../measure.ts'
import { measureInTurn } from '../measure.ts'
import type { Twins } from './twins.ts'

/** One statement of the workload on both databases. */
export interface MeasuredStatement {
  statement: WorkloadStatement
  before: Measurement
  after: Measurement
}

const warm = { runs: 9, budgetMs: 4_000 }
/**
 * What looks slower is measured again in so many rounds, and the round counts in which the machine had least else to do:
 * a tenth of a millisecond is easily lost.
 */
const again = { rounds: 7, runs: 25, budgetMs: 4_000 }

/**
 * What counts as slower: more than a tenth over, and more than 0.1 ms, which is what one more index or policy
 * costs the planner. Below that a difference is a matter of the machine and not of the statement.
 */
export function isSlower({ before, after }: MeasuredStatement): boolean {
  return after.ms > before.ms * 1.1 && after.ms - before.ms > 0.1
}

/** Measures the statements named, or all, on both databases in turn. */
export async function measureWorkload(
  twins: Twins,
  names: Set<string> | undefined,
  onStep: (text: string) => void,
  signal?: AbortSignal,
): Promise<MeasuredStatement[]> {
  const statements = (await readCasaoraWorkload()).filter(({ name }) => names?.has(name) ?? true)
  const measured = await onBoth(twins, async (clients) => {
    const once: MeasuredStatement[] = []
    for (const statement of statements) {
      signal?.throwIfAborted()
      onStep(statement.name)
      once.push(await measureBoth(clients, statement, warm))
    }
    return once
  })
  const doubtful = measured.filter(isSlower)
  const rounds = new Map(
    doubtful.map(({ statement }): [WorkloadStatement, MeasuredStatement[]] => [statement, []]),
  )
  for (let round = 0; round < again.rounds && doubtful.length > 0; round += 1) {
    signal?.throwIfAborted()
    onStep(`what looks slower, once more: ${round + 1} of ${again.rounds}`)
    // Sessions of their own in each round: one may share its core with something else for as long as it lives.
    await onBoth(twins, async (clients) => {
      for (const { statement } of doubtful) {
        await removeDeadVersions(clients, statement)
        rounds.get(statement)?.push(await measureBoth(clients, statement, again))
      }
    })
  }
  return measured.map((once) => {
    const own = rounds.get(once.statement)
    return own ? { ...once, before: calmest(own, 'before'), after: calmest(own, 'after') } : once
  })
}

async function onBoth<T>(twins: Twins, work: (clients: Client[]) => Promise<T>): Promise<T> {
  const clients = [await connect(twins.before.superuserUrl), await connect(twins.after.superuserUrl)]
  try {
    return await work(clients)
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function measureBoth(
  clients: Client[],
  statement: WorkloadStatement,
  options: typeof warm,
): Promise<MeasuredStatement> {
  const [before, after] = await measureInTurn(clients, statement, options)
  if (!before || !after) throw new Error(`${statement.name} was not measured on both databases`)
  return { statement, before, after }
}

/** Updates that were rolled back leave dead versions in every index, which autovacuum removes elsewhere. */
async function removeDeadVersions(clients: Client[], { sql }: WorkloadStatement): Promise<void> {
  for (const { table } of (await updatesIn(sql)) ?? []) {
    for (const client of clients) await client.query(`VACUUM ${nameOf(table)}`)
  }
}

function nameOf({ schema, name }: NamedRelation): string {
  return schema === undefined ? quote(name) : qualified({ schema, name })
}

function calmest(rounds: MeasuredStatement[], side: 'before' | 'after'): Measurement {
  const own = rounds.map((round) => round[side])
  return {
    ms: Math.min(...own.map(({ ms }) => ms)),
    buffers: median(own.map(({ buffers }) => buffers)),
    runs: own.reduce((sum, { runs }) => sum + runs, 0),
  }
}

/** Time and buffers of all statements together, each as often as it is sent in an hour. */
export interface Weighted {
  beforeMs: number
  afterMs: number
  beforeBuffers: number
  afterBuffers: number
}

/** Sums of calls times cost. */
export function weigh(measured: MeasuredStatement[]): Weighted {
  const sum = (cost: (one: MeasuredStatement) => number): number =>
    measured.reduce((total, one) => total + one.statement.calls * cost(one), 0)
  return {
    beforeMs: sum(({ before }) => before.ms),
    afterMs: sum(({ after }) => after.ms),
    beforeBuffers: sum(({ before }) => before.buffers),
    afterBuffers: sum(({ after }) => after.buffers),
  }
}
