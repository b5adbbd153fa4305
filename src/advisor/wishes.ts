import type { Client } from 'pg'
import { listOwnFunctions } from '../catalog/functions.ts'
import { readOnce } from '../catalog/reader.ts'
import { messageOf } from '../errors.ts'
import { borrow } from '../postgres/database.ts'
import type { PlanNode } from '../postgres/explain.ts'
import type { LeftOut } from '../workload/leftOut.ts'
import { statementsCalled } from './calledBodies.ts'
import type { Candidate, CatalogOfCandidates } from './candidates.ts'
import { candidatesFor, definitionOf } from './candidates.ts'
import type { ComparedTogether } from './comparedTogether.ts'
import { comparedTogether } from './comparedTogether.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { planStatement } from './plannedStatement.ts'
import { scansIn, withoutIndexes } from './scans.ts'
import type { Use } from './upkeep.ts'
import { usesOf } from './upkeep.ts'
import type { Call } from './weights.ts'

/** What the statements of a workload might be helped by. */
export interface Wishes {
  /** For each statement that PostgreSQL plans, the definitions of candidates for it. */
  byStatement: Map<PlannedStatement, Set<string>>
  /** Every candidate, by its definition. */
  candidates: Map<string, Candidate>
  uses: Use[]
  /** Columns of one table that a statement wants to be equal to something together. */
  together: ComparedTogether[]
  /** Which statements of functions belong to which statement. */
  calls: Call[]
  /** Statements that PostgreSQL does not plan, and bodies of functions that nobody can read. */
  leftOut: LeftOut[]
}

/** Plans each statement in the shadow without any index, and those of the functions that they call, and reads what they ask. */
export async function gatherWishes(
  client: Client,
  workload: readonly PlannedStatement[],
  catalog: CatalogOfCandidates,
): Promise<Wishes> {
  const wishes: Wishes = {
    byStatement: new Map(),
    candidates: new Map(),
    uses: [],
    together: [],
    calls: [],
    leftOut: [],
  }
  await client.query('BEGIN')
  try {
    const functions = await readOnce(borrow(client))(listOwnFunctions)
    const toPlan: PlannedStatement[] = [...workload]
    const plans = new Map<PlannedStatement, PlanNode>()
    const inner = new Map<string, PlannedStatement>()
    const unreadBodies = new Map<string, string>()
    for (const statement of toPlan) {
      try {
        const plan = await planStatement(
          client,
          statement,
          statement.args[0] ?? [],
          'generic',
          withoutIndexes,
        )
        plans.set(statement, plan)
        const { statements, unread } = await statementsCalled(statement, plan, functions)
        for (const { name, reason } of unread) unreadBodies.set(name, reason)
        for (const called of statements) {
          const key = JSON.stringify([called.sql, called.role, called.searchPath])
          const known = inner.get(key)
          wishes.calls.push({ caller: statement, called: known ?? called })
          if (known) {
            known.calls += called.calls
          } else {
            inner.set(key, called)
            toPlan.push(called)
          }
        }
        const own = new Set<string>()
        const scans = await scansIn(plan)
        wishes.together.push(...comparedTogether(statement, plan, scans))
        for (const scan of scans) {
          for (const candidate of await candidatesFor(scan, catalog)) {
            const definition = definitionOf(candidate)
            wishes.candidates.set(definition, candidate)
            own.add(definition)
          }
        }
        wishes.byStatement.set(statement, own)
      } catch (error) {
        wishes.leftOut.push({ statement, reason: messageOf(error) })
      }
    }
    for (const [name, reason] of unreadBodies) {
      wishes.leftOut.push({ statement: { name, line: undefined }, reason })
    }
    for (const [statement, plan] of plans) wishes.uses.push(...(await usesOf(statement, plan)))
    return wishes
  } finally {
    await client.query('ROLLBACK')
  }
}
