import type { Client } from 'pg'
import { connect } from '../../postgres/connect.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import type { NamedRelation } from '../../syntax/relations.ts'
import { updatesIn } from '../../syntax/updatedColumns.ts'
import { median } from '../../median.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import { readCasaoraWorkload } from '../casaora/database.ts'
import type { Measurement } from '../measure.ts'
import { measureInTurn } from '../measure.ts'
import { readPlanningTime, referencePlanningMs } from './planningTime.ts'

/** Two databases to measure in turn. */
export interface Pair {
  before: CasaoraDatabase
  after: CasaoraDatabase
}

/** One statement of the workload on both databases. */
export interface MeasuredStatement {
  statement: WorkloadStatement
  before: Measurement
  after: Measurement
  /** The time to plan one fixed statement meanwhile, on the faster side, in milliseconds: the machine's speed. */
  planningMs: number
}

interface Rounds {
  /** Each round has new sessions: a session may share its core with other work for its whole life. */
  rounds: number
  runs: number
  budgetMs: number
}

const once: Rounds = { rounds: 1, runs: 9, budgetMs: 4_000 }
/** A short disturbance can be as long as a quick statement, so the median of three rounds counts. */
const quickMs = 50
const quickAgain: Rounds = { ...once, rounds: 2 }
/** A tenth of a millisecond is easily lost to noise, so the fastest round counts. */
const slowerAgain: Rounds = { rounds: 7, runs: 25, budgetMs: 4_000 }

/**
 * A statement is slower if it takes over a tenth longer and over 0.1 ms longer, which is what one more index or policy
 * costs the planner. Smaller differences come from the machine, not the statement. The 0.1 ms are those of the reference
 * machine: one that plans half as fast has 0.2 ms, one that plans twice as fast 0.05 ms.
 */
export function isSlower({ before, after, planningMs }: MeasuredStatement): boolean {
  return after.ms > before.ms * 1.1 && after.ms - before.ms > slowerByMs(planningMs)
}

/** The equivalent of 0.1 ms of the reference machine on a machine that plans the fixed statement in `planningMs`. */
export function slowerByMs(planningMs: number): number {
  return 0.1 * (planningMs / referencePlanningMs)
}

/** Measures the named statements, or all, on both databases in turn. */
export async function measureWorkload(
  pair: Pair,
  names: Set<string> | undefined,
  onStep: (text: string) => void,
  signal?: AbortSignal,
): Promise<MeasuredStatement[]> {
  const measure = async (statements: WorkloadStatement[], options: Rounds): Promise<MeasuredStatement[]> => {
    const measured: MeasuredStatement[] = []
    for (let round = 1; round <= options.rounds && statements.length > 0; round += 1) {
      await onBoth(pair, async (clients) => {
        for (const statement of statements) {
          signal?.throwIfAborted()
          onStep(options.rounds === 1 ? statement.name : `${statement.name}: ${round} of ${options.rounds}`)
          await removeDeadVersions(clients, statement)
          measured.push(await measureBoth(clients, statement, options))
        }
      })
    }
    return measured
  }
  const first = await measure(
    (await readCasaoraWorkload()).filter(({ name }) => names?.has(name) ?? true),
    once,
  )
  const quick = first.filter(({ before, after }) => Math.max(before.ms, after.ms) < quickMs)
  const middle = combine([...first, ...(await measure(statementsOf(quick), quickAgain))], median)
  const slower = await measure(statementsOf(middle.filter(isSlower)), slowerAgain)
  const calm = combine(slower, (values) => Math.min(...values))
  return middle.map((one) => calm.find(({ statement }) => statement === one.statement) ?? one)
}

async function onBoth<T>(pair: Pair, work: (clients: Client[]) => Promise<T>): Promise<T> {
  const clients = [await connect(pair.before.superuserUrl), await connect(pair.after.superuserUrl)]
  try {
    return await work(clients)
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function measureBoth(
  clients: Client[],
  statement: WorkloadStatement,
  options: Rounds,
): Promise<MeasuredStatement> {
  const [before, after] = await measureInTurn(clients, statement, options)
  if (!before || !after) throw new Error(`${statement.name} was not measured on both databases`)
  const planningMs = Math.min(...(await onEach(clients, readPlanningTime)))
  return { statement, before, after, planningMs }
}

/** Asks one after the other, so that they do not disturb each other. */
async function onEach<T>(clients: Client[], ask: (client: Client) => Promise<T>): Promise<T[]> {
  const answers: T[] = []
  for (const client of clients) answers.push(await ask(client))
  return answers
}

/** Removes the dead versions that rolled-back updates leave in every index; on a real server autovacuum does that. */
async function removeDeadVersions(clients: Client[], { sql }: WorkloadStatement): Promise<void> {
  for (const { table } of (await updatesIn(sql)) ?? []) {
    for (const client of clients) await client.query(`VACUUM ${nameOf(table)}`)
  }
}

function nameOf({ schema, name }: NamedRelation): string {
  return schema === undefined ? quote(name) : qualified({ schema, name })
}

const statementsOf = (measured: MeasuredStatement[]): WorkloadStatement[] =>
  measured.map(({ statement }) => statement)

/** One measurement for each statement; `choose` says which time of all its rounds counts. */
function combine(rounds: MeasuredStatement[], choose: (ms: number[]) => number): MeasuredStatement[] {
  return [...new Set(statementsOf(rounds))].map((statement) => {
    const own = rounds.filter((round) => round.statement === statement)
    const side = (measurements: Measurement[]): Measurement => ({
      ms: choose(measurements.map(({ ms }) => ms)),
      buffers: median(measurements.map(({ buffers }) => buffers)),
      runs: measurements.reduce((sum, { runs }) => sum + runs, 0),
    })
    return {
      statement,
      before: side(own.map(({ before }) => before)),
      after: side(own.map(({ after }) => after)),
      planningMs: choose(own.map(({ planningMs }) => planningMs)),
    }
  })
}

/** Time and buffers of all statements together, each counted as often as it is sent in an hour. */
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
