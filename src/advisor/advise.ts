import type { ClientBase } from 'pg'
import type { TableIndex } from '../catalog/indexes.ts'
import { openPlanner } from '../shadow/planner/openPlanner.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Candidate } from './candidates.ts'
import type { CatalogOfCandidates } from './candidates.ts'
import { candidatesFor, definitionOf } from './candidates.ts'
import { readCatalogOfCandidates } from './catalogOfCandidates.ts'
import type { Choice } from './choose.ts'
import { chooseIndexes } from './choose.ts'
import type { Configuration, CostedStatement } from './configurations.ts'
import { configurationsOf, costOf } from './configurations.ts'
import { planStatement } from './plannedStatement.ts'
import { scansIn, withoutIndexes } from './scans.ts'
import { loadSolver } from './solver.ts'
import type { Use } from './upkeep.ts'
import { upkeepOf, usesOf } from './upkeep.ts'
import { openWhatIf } from './whatIf.ts'

export interface AdviseOptions {
  /** Bytes that all indexes which are no constraint's may take together. */
  budget?: number
  /** Seconds for the choice; 20 where absent. */
  timeLimit?: number
  /** Changes the shadow before anything is planned: policies that are rewritten first, say. */
  prepare?: (shadow: ClientBase) => Promise<void>
  onStep?: (text: string) => void
}

/** An index to build, and what it brings. */
export interface AdvisedIndex {
  candidate: Candidate
  index: TableIndex
  serves: { statement: WorkloadStatement; costBefore: number; costAfter: number }[]
}

/** What to build and to drop for a workload. */
export interface Advice {
  indexes: AdvisedIndex[]
  /** Indexes that no plan of the workload needs, or that cost writes more than they save. */
  drops: TableIndex[]
  /** Of the whole workload with the upkeep of every index that may go, in the planner's units. */
  cost: { before: number; after: number }
  gap: number
  /** Statements that PostgreSQL does not plan. */
  leftOut: { statement: WorkloadStatement; reason: string }[]
  statements: { statement: WorkloadStatement; costBefore: number; costAfter: number }[]
}

/** No statement may take longer than so many times what it takes today, whatever others gain. */
const mostSlower = 1.15

/**
 * Chooses indexes for a workload. The source is only read: everything is planned in a shadow with its statistics.
 *
 * ```ts
 * const { indexes, drops, gap } = await advise(client, parseWorkload(text), { budget: 500 * 1024 * 1024 })
 * ```
 */
export async function advise(
  source: ClientBase,
  workload: readonly WorkloadStatement[],
  { budget, timeLimit = 20, prepare, onStep = () => undefined }: AdviseOptions = {},
): Promise<Advice> {
  onStep('copying the schema and its statistics')
  const planner = await openPlanner(source)
  try {
    const leftOut: Advice['leftOut'] = []
    const wishes = new Map<WorkloadStatement, Set<string>>()
    const wanted = new Map<string, Candidate>()
    const uses: Use[] = []
    const client = await planner.connect()
    let catalog: CatalogOfCandidates
    try {
      await prepare?.(client)
      catalog = await readCatalogOfCandidates(client)
      onStep(`looking for indexes that might help ${workload.length} statements`)
      await client.query('BEGIN')
      for (const statement of workload) {
        try {
          const plan = await planStatement(
            client,
            statement,
            statement.args[0] ?? [],
            'generic',
            withoutIndexes,
          )
          uses.push(...(await usesOf(statement, plan)))
          const own = new Set<string>()
          for (const scan of await scansIn(plan)) {
            for (const candidate of await candidatesFor(scan, catalog)) {
              const definition = definitionOf(candidate)
              wanted.set(definition, candidate)
              own.add(definition)
            }
          }
          wishes.set(statement, own)
        } catch (error) {
          leftOut.push({ statement, reason: error instanceof Error ? error.message : String(error) })
        }
      }
      await client.query('ROLLBACK')
    } finally {
      await client.end()
    }
    onStep(`building ${wanted.size} candidates, empty`)
    const whatIf = await openWhatIf(planner, [...wanted.values()])
    try {
      const existing = whatIf.options.filter(({ candidate }) => !candidate).map(({ index }) => index)
      const stands = [...whatIf.fixed, ...existing]
      const costed: CostedStatement[] = []
      const before = new Map<WorkloadStatement, Configuration>()
      for (const [statement, own] of wishes) {
        onStep(`planning ${statement.name}: ${costed.length + 1} of ${wishes.size}`)
        const options = whatIf.options.filter(
          ({ candidate }) => !candidate || own.has(definitionOf(candidate)),
        )
        const oids = new Set(options.map(({ index }) => index.oid))
        const now = await costOf(whatIf, statement, new Set(existing.map(({ oid }) => oid)))
        before.set(statement, now)
        const { configurations } = await configurationsOf(whatIf, statement, oids, {
          plans: 60,
          worthwhile: 0.05,
        })
        const fits = configurations.filter(({ cost }) => cost <= now.cost * mostSlower)
        costed.push({ statement, configurations: [now, ...fits] })
      }
      onStep('choosing')
      const widthOf = ({ table, keys, included }: TableIndex): number =>
        catalog.width(
          table,
          [...keys, ...included].map(({ text }) => text),
        )
      const useful = new Set(
        costed.flatMap(({ configurations }) => configurations.flatMap(({ options }) => options)),
      )
      const priced = whatIf.options
        .filter(({ index, candidate }) => !candidate || useful.has(index.oid))
        .map(({ index }) => ({
          oid: index.oid,
          bytes: index.sizeBytes,
          upkeep: upkeepOf(index, stands, uses, widthOf(index)),
        }))
      const choice = chooseIndexes(await loadSolver(), costed, priced, {
        timeLimit,
        ...(budget === undefined ? {} : { budget }),
      })
      return describe(choice)

      function describe({ chosen, cost, gap }: Choice): Advice {
        const there = new Set(chosen)
        const upkeep = priced
          .filter(({ oid }) => existing.some((index) => index.oid === oid))
          .reduce((sum, each) => sum + each.upkeep, 0)
        const statements = costed.map(({ statement, configurations }) => {
          const best = configurations
            .filter(({ options }) => options.every((oid) => there.has(oid)))
            .reduce((least, each) => (each.cost < least.cost ? each : least))
          return {
            statement,
            costBefore: before.get(statement)?.cost ?? 0,
            costAfter: best.cost,
            used: best.options,
          }
        })
        return {
          indexes: whatIf.options.flatMap(({ index, candidate }) =>
            candidate && there.has(index.oid)
              ? [{ candidate, index, serves: statements.filter(({ used }) => used.includes(index.oid)) }]
              : [],
          ),
          drops: existing.filter(({ oid }) => !there.has(oid)),
          cost: {
            before: statements.reduce(
              (sum, { statement, costBefore }) => sum + statement.calls * costBefore,
              upkeep,
            ),
            after: cost,
          },
          gap,
          leftOut,
          statements,
        }
      }
    } finally {
      await whatIf.close()
    }
  } finally {
    await planner.close()
  }
}
