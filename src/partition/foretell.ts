import type { Client, ClientBase } from 'pg'
import type { PlannedStatement } from '../advisor/plannedStatement.ts'
import { explainCall, explainStatement } from '../advisor/plannedStatement.ts'
import { prepareWorkload } from '../advisor/preparation.ts'
import { listSettings } from '../catalog/settings.ts'
import { messageOf } from '../errors.ts'
import { borrow } from '../postgres/database.ts'
import type { Explained, PlanNode } from '../postgres/explain.ts'
import { explain } from '../postgres/explain.ts'
import { isConnectionLost } from '../postgres/sqlState.ts'
import type { Planner } from '../shadow/planner/openPlanner.ts'
import { openPlanner } from '../shadow/planner/openPlanner.ts'
import type { FilledPartition, PartitionableTable } from '../shadow/planner/partitions.ts'
import { openPartitionable } from '../shadow/planner/partitions.ts'
import type { LeftOut } from '../workload/leftOut.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { calmMean } from './calmMean.ts'
import type { CallsWithKey } from './callsWithKey.ts'
import { callsWithKey } from './callsWithKey.ts'
import { foretellDelete } from './foretellDelete.ts'
import type { ForetoldUpkeep, SharedRange } from './foretellUpkeep.ts'
import {
  buffersIn,
  foretellDrop,
  foretellVacuum,
  pagesOfRange,
  pricesIn,
  typicalRange,
} from './foretellUpkeep.ts'
import type { KeyedTable, KnownNames } from './keyUses.ts'
import type { Layout } from './layouts.ts'
import { measureMachine } from './machineSpeed.ts'
import type { MachineSpeed } from './planTime.ts'
import { executionMs } from './planTime.ts'
import { countWork } from './planWork.ts'

/** What one call of a statement costs. */
export interface Figures {
  /** In the planner's units. */
  cost: number
  /** Milliseconds, measured in the shadow. */
  planMs: number
  /** Milliseconds, from the work that the planner expects, and from the statement's own mean where it is known. */
  executeMs: number
  /** Partitions that the plan reads; 0 where the table is none. */
  partitions: number
}

/** A statement before and after. */
export interface ForetoldStatement {
  statement: PlannedStatement
  hasKey: boolean
  before: Figures
  /** Undefined where PostgreSQL refuses the statement on the partitioned table. */
  after: Figures | undefined
  refused?: string
  /** How many times as fast it gets, planning and execution together: below 1 it gets slower. */
  ratio: number
}

/** What becomes of a workload in one layout. */
export interface ForetoldLayout {
  name: string
  partitions: FilledPartition[]
  statements: ForetoldStatement[]
}

/** What becomes of a workload when a table is partitioned. */
export interface Foretelling {
  keyed: KeyedTable
  rows: number
  /** Of heap and indexes. */
  bytes: number
  key: PartitionableTable['key']
  losesUnique: string[]
  calls: CallsWithKey<PlannedStatement>
  layouts: ForetoldLayout[]
  /** Of an interval that is a partition of its own; undefined where none has rows. */
  upkeep: ForetoldUpkeep | undefined
  /** Statements that PostgreSQL does not plan. */
  leftOut: LeftOut[]
}

export interface ForetellOptions extends KnownNames {
  /** The layouts to try; may depend on the keys that the table has. */
  layouts: (keys: { first: string; last: string }) => readonly Layout[]
  /** Of an interval's rows, those that change before a VACUUM; 0.3 where absent. */
  changedShare?: number
  onStep?: (text: string) => void
  signal?: AbortSignal
  /** Looks at a layout while the shadow still has it. */
  inspect?: (layout: ForetoldLayout, planner: Planner) => Promise<void>
}

const blockBytes = 8192

/**
 * Plans a workload on a table as it is and as it would be partitioned. The source is only read: the partitions are made in
 * a shadow, with sizes and statistics derived from the table's own, and hold no row. Only statements that use the table
 * are planned.
 *
 * ```ts
 * const { layouts } = await foretell(client, { table: bookings, key: 'booking_date' }, workload, {
 *   layouts: (keys) => layoutsOf({ ...keys, now: '2026-11-30' }, 'month'),
 * })
 * layouts[1].statements[0].ratio // 2.1: about twice as fast
 * ```
 */
export async function foretell(
  source: ClientBase,
  keyed: KeyedTable,
  workload: readonly WorkloadStatement[],
  options: ForetellOptions,
): Promise<Foretelling> {
  const onStep = (text: string): void => {
    options.signal?.throwIfAborted()
    options.onStep?.(text)
  }
  onStep('copying the schema and its statistics')
  const settings = await listSettings(borrow(source))
  const planner = await openPlanner(source)
  try {
    const table = await openPartitionable(planner, keyed.table, keyed.key)
    onStep(`planning ${workload.length} statements as they are`)
    const { prepared, calls, before, clock } = await inSession(planner, async (session) => {
      const concerned = await callsWithKey(workload, keyed, options)
      const statements = concerned.statements.map(({ statement }) => statement)
      const plannable = await prepareWorkload(session, statements)
      const first: Clock = {
        speed: await measureMachine(session, pricesIn(await listSettings(borrow(session)))),
        planning: undefined,
      }
      return {
        clock: first,
        prepared: plannable,
        calls: await callsWithKey(plannable.statements, keyed, options),
        before: await measureAll(session, plannable.statements, first),
      }
    })
    const layouts: ForetoldLayout[] = []
    const wanted = options.layouts(table.key)
    const fullPageWrites = settings.get('full_page_writes')?.value !== 'off'
    const interval = await intervalOf(table, wanted.at(-1))
    const deletion =
      interval &&
      (await inSession(planner, (session) =>
        foretellDelete(session, keyed, interval, {
          rowsPerPage: table.rows / Math.max(1, table.blocks),
          speed: clock.speed,
          fullPageWrites,
        }),
      ))
    for (const layout of wanted) {
      onStep(`planning them ${layout.name}`)
      const partitions = await table.partitionBy(layout.partitions)
      const after = await inSession(planner, async (session) =>
        measureAll(session, prepared.statements, clock),
      )
      const foretold: ForetoldLayout = {
        name: layout.name,
        partitions,
        statements: calls.statements.flatMap(({ statement, hasKey }): ForetoldStatement[] => {
          const one = before.get(statement)
          const other = after.get(statement)
          if (!one || !other || typeof one === 'string') return []
          return [compare(statement, hasKey, one, other)]
        }),
      }
      layouts.push(foretold)
      await options.inspect?.(foretold, planner)
    }
    const typical = layouts.at(-1)?.partitions.find(({ name }) => name === interval?.name)
    const upkeep =
      typical && deletion
        ? await inSession(planner, async (session): Promise<ForetoldUpkeep> => {
            const { changedShare = 0.3 } = options
            const others = layouts.at(-1)?.partitions.filter(({ rows }) => rows > 0) ?? []
            const drop = await foretellDrop(session, keyed, others, {
              buffers: buffersIn(settings),
              speed: clock.speed.cpu,
              fullPageWrites,
            })
            return {
              rows: typical.rows,
              retention: { before: deletion.ms, after: drop.ms },
              retentionWal: { before: deletion.wal, after: drop.wal },
              vacuum: { ...foretellVacuum(table, typical, changedShare, clock.speed.cpu), changedShare },
            }
          })
        : undefined
    const blocks = table.blocks + table.indexes.reduce((sum, index) => sum + index.blocks, 0)
    const { rows, key, losesUnique } = table
    return {
      keyed,
      rows,
      bytes: blocks * blockBytes,
      key,
      losesUnique,
      calls,
      layouts,
      upkeep,
      leftOut: prepared.leftOut,
    }
  } finally {
    await planner.close()
  }
}

/** The interval of the middle size, with the pages of the table that its rows lie on. */
async function intervalOf(
  table: PartitionableTable,
  layout: Layout | undefined,
): Promise<(SharedRange & { pages: number }) | undefined> {
  if (!layout) return undefined
  const shares = await table.sharesOf(layout.partitions)
  const ranges = layout.partitions.map((range, at): SharedRange => {
    const share = shares[at] ?? 0
    return { ...range, share, rows: Math.round(table.rows * share) }
  })
  const range = typicalRange(ranges)
  return range && { ...range, pages: pagesOfRange(table, range) }
}

async function inSession<T>(planner: Planner, work: (session: Client) => Promise<T>): Promise<T> {
  const session = await planner.connect()
  try {
    return await work(session)
  } finally {
    await session.end()
  }
}

/** A statement's own mean is of its execution; what the table's form changes of it is a matter of work. */
function compare(
  statement: PlannedStatement,
  hasKey: boolean,
  before: Figures,
  after: Figures | string,
): ForetoldStatement {
  const { meanMs } = statement
  const factor =
    meanMs === undefined || meanMs === 0 || before.executeMs === 0 ? 1 : meanMs / before.executeMs
  const scaled = (figures: Figures): Figures => ({ ...figures, executeMs: figures.executeMs * factor })
  const one = scaled(before)
  if (typeof after === 'string') {
    return { statement, hasKey, before: one, after: undefined, refused: after, ratio: 0 }
  }
  const other = scaled(after)
  return { statement, hasKey, before: one, after: other, ratio: msOf(one) / msOf(other) }
}

/** Milliseconds of one call. */
export const msOf = ({ planMs, executeMs }: Figures): number => planMs + executeMs

/** How fast the machine was when the statements were planned as they are. */
interface Clock {
  speed: MachineSpeed
  /** Milliseconds of planning the reference: the machine may be busier later. */
  planning: number | undefined
}

/** A plan that is the same whatever becomes of the table. */
const planningReference = `SELECT * FROM pg_catalog.generate_series(1, 10) AS a
  JOIN pg_catalog.generate_series(1, 20) AS b ON b = a JOIN pg_catalog.generate_series(1, 30) AS c ON c = b
  JOIN pg_catalog.generate_series(1, 40) AS d ON d = c WHERE a > 3 ORDER BY d`

/** More lists of arguments are not planned. */
const mostArguments = 5
/** The planner's unit in milliseconds, where the work of a plan cannot be counted. */
const unitMs = 0.002
const planningRuns = 15

/** A statement with one list of arguments. */
interface Call {
  args: readonly string[]
  /** Of the statement's calls. */
  share: number
  figures: Figures
  planTimes: number[]
}

/** The figures of each statement, or why PostgreSQL refuses it. The clock learns how long the reference takes. */
async function measureAll(
  session: ClientBase,
  statements: readonly PlannedStatement[],
  clock: Clock,
): Promise<Map<PlannedStatement, Figures | string>> {
  const prices = pricesIn(await listSettings(borrow(session)))
  const measured = new Map<PlannedStatement, Figures | string>()
  const calls = new Map<PlannedStatement, Call[]>()
  await session.query('BEGIN')
  try {
    for (const statement of statements) {
      try {
        calls.set(statement, await countCalls(session, statement, { prices, speed: clock.speed }))
      } catch (error) {
        if (isConnectionLost(error)) throw error
        measured.set(statement, messageOf(error))
        // The transaction goes on: each plan is made under a savepoint.
      }
    }
  } finally {
    await session.query('ROLLBACK')
  }
  const reference = calmMean(await timePlanning(session, calls))
  clock.planning ??= reference
  const busier = clock.planning > 0 && reference > 0 ? reference / clock.planning : 1
  for (const [statement, each] of calls) measured.set(statement, meanOf(each, busier))
  return measured
}

async function countCalls(
  session: ClientBase,
  statement: PlannedStatement,
  { prices, speed }: { prices: ReadonlyMap<string, number>; speed: MachineSpeed },
): Promise<Call[]> {
  const lists = statement.args.slice(0, mostArguments)
  const shares = lists.map((_, at) => statement.shares?.[at] ?? 1)
  const all = shares.reduce((sum, share) => sum + share, 0)
  const calls: Call[] = []
  for (const [at, args] of lists.entries()) {
    const counted = await countWork(
      prices,
      async (settings) => (await planOnce(session, statement, args, settings)).Plan,
    )
    const { Plan: plan } = await planOnce(session, statement, args)
    const cost = plan['Total Cost']
    const partitions = relationsIn(plan).filter((name) => name.startsWith('hundredfold_partition_'))
    calls.push({
      args,
      share: (shares[at] ?? 1) / all,
      planTimes: [],
      figures: {
        cost,
        planMs: 0,
        executeMs: counted ? executionMs(counted, speed) : cost * unitMs * speed.cpu,
        partitions: new Set(partitions).size,
      },
    })
  }
  return calls
}

function planOnce(
  session: ClientBase,
  statement: PlannedStatement,
  args: readonly string[],
  settings: Record<string, string> = {},
): Promise<Explained> {
  return explainStatement(session, statement, args, statement.isGeneric ? 'generic' : 'custom', settings)
}

/**
 * Plans everything in rounds, the reference too: whatever else the machine does meanwhile, it does to all of them.
 *
 * @returns milliseconds of the reference
 */
async function timePlanning(
  session: ClientBase,
  statements: ReadonlyMap<PlannedStatement, Call[]>,
): Promise<number[]> {
  const reference: number[] = []
  for (let round = 0; round < planningRuns; round += 1) {
    for (let time = 0; time < 3; time += 1) {
      reference.push((await explain(borrow(session), planningReference, 'SUMMARY'))['Planning Time'] ?? 0)
    }
    for (const [statement, calls] of statements) {
      for (const { args, planTimes } of calls) {
        const kind = statement.isGeneric ? 'generic' : 'custom'
        // The first one finds the processor's caches as the others have left them.
        await explainCall(session, statement, args, kind)
        planTimes.push((await explainCall(session, statement, args, kind))['Planning Time'] ?? 0)
      }
    }
  }
  return reference
}

/** The mean over a statement's lists of arguments. */
function meanOf(calls: readonly Call[], busier: number): Figures {
  const mean: Figures = { cost: 0, planMs: 0, executeMs: 0, partitions: 0 }
  for (const { share, figures, planTimes } of calls) {
    mean.cost += share * figures.cost
    mean.planMs += (share * calmMean(planTimes)) / busier
    mean.executeMs += share * figures.executeMs
    mean.partitions = Math.max(mean.partitions, figures.partitions)
  }
  return mean
}

function relationsIn(node: PlanNode): string[] {
  const own = node['Relation Name'] === undefined ? [] : [node['Relation Name']]
  return [...own, ...(node.Plans ?? []).flatMap(relationsIn)]
}
