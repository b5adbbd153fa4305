import { NotSeen } from '../../catalog/notSeen.ts'
import { readStatements } from '../../catalog/statements.ts'
import { excerpt } from '../../syntax/excerpt.ts'
import { withoutLiterals } from '../../syntax/withoutLiterals.ts'
import { estimated, measured, runbook } from '../remedies.ts'
import type { Violation, Level, Remedy, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { whatIsHidden } from './hiddenStatements.ts'
import type { HeavyStatement, Resource } from './heavyStatements.ts'
import { io, listHeavy, planning, wal } from './heavyStatements.ts'
import type { ExplainedStatement } from '../../workload/slowStatements.ts'
import { explainSlowStatements, slowMs } from '../../workload/slowStatements.ts'

interface Heavy {
  resource: Resource
  found: HeavyStatement
}

/**
 * A statement whose calls take 100 ms or more on average, or which is most of what the server does, with the cause
 * that its counters and its plan show.
 *
 * ```sql
 * -- before: reads 300,000 messages for one conversation
 * SELECT * FROM messages WHERE conversation_id = $1
 * -- after CREATE INDEX CONCURRENTLY ... ON messages (conversation_id): reads its own twenty
 * ```
 */
export const slowQuery = slowQueryNaming([wal(), io(), planning()])

/** The rule with other limits for what else it says that a statement takes much of. */
export function slowQueryNaming(resources: Resource[]): Rule {
  return {
    name: 'slow_query',
    finds: 'statements that are slow on average or take most of the time, and why',
    cure: 'the one that fits the cause: an index, a rewritten policy, statistics, paging by key ...',
    async find(context) {
      try {
        const { hidden } = await context.read(readStatements)
        const heavy: Heavy[] = []
        for (const resource of resources)
          for (const found of await listHeavy(context, resource)) heavy.push({ resource, found })
        const findings = (await context.read(explainSlowStatements)).flatMap((explained) =>
          toFinding(
            explained,
            heavy.filter(({ found }) => found.statement.id === explained.statement.id),
          ),
        )
        if (hidden.statements > 0) throw new CannotSee(whatIsHidden(hidden.statements), findings)
        return findings
      } catch (error) {
        if (error instanceof NotSeen && !(error instanceof CannotSee)) throw new CannotSee(error.message)
        throw error
      }
    },
  }
}

function toFinding(explained: ExplainedStatement, heavy: Heavy[]): Violation[] {
  const { statement, share, plan, causes } = explained
  const level = levelOf(explained)
  if (level === undefined) return []
  const calls = Math.round(statement.calls).toLocaleString('en-US')
  return [
    {
      level,
      subject: ['statement', statement.id],
      detail:
        `${calls} calls take ${roundMs(statement.meanMs)} ms each, ${(100 * share).toFixed(0)} % of all time: ` +
        excerpt(withoutLiterals(statement.text)) +
        (causes.length > 0 ? `. Cause: ${causes.map(({ detail }) => detail).join('; ')}` : '') +
        heavy.map(({ resource, found }) => `. It takes ${resource.describe(found)}`).join(''),
      evidence: [
        measured('mean time', roundMs(statement.meanMs), 'ms'),
        measured('total time', roundMs(statement.totalMs), 'ms'),
        measured('calls', statement.calls),
        measured('role', statement.role),
        plan
          ? estimated('plan cost', Math.round(plan.root['Total Cost']))
          : measured('plan', explained.notPlanned ?? null),
        ...heavy.map(({ resource, found }) => resource.fact(found)),
        ...causes.map(({ id, detail, kind }) => ({ name: `cause: ${id}`, value: detail, kind })),
      ],
      remedy: remedyFor(explained),
    },
  ]
}

function levelOf({ statement, share, isSlow, isDominant }: ExplainedStatement): Level | undefined {
  if (isSlow) return statement.meanMs >= 10 * slowMs && share >= 0.1 ? 'error' : 'warn'
  return isDominant ? 'info' : undefined
}

function remedyFor({ causes }: ExplainedStatement): Remedy {
  const [first] = causes
  if (first === undefined) {
    return runbook(
      'Look at its plan with real rows: the counters alone name no cause',
      'Run EXPLAIN (ANALYZE, BUFFERS) with parameters of a slow call, as the role that sends it.',
      'Compare estimated and actual rows, and look for the node where the time goes.',
      'Where it has no parameters, `npm run diagnose -- --analyze` does this.',
    )
  }
  return runbook(titles[first.id], ...causes.map(({ cure }) => cure))
}

const titles = {
  sequential_scan: 'Index the columns of its filter',
  policy: 'Let its policies ask once per statement',
  function_per_row: 'Call the function once per statement',
  row_estimate: 'Give the planner better statistics',
  spill: 'Save the sort, or give it memory',
  nested_loop: 'Filter the outer side of its join earlier',
  offset: 'Page by key instead of OFFSET',
  lock_wait: 'Shorten the transactions that it waits for',
  cold_cache: 'Touch fewer blocks',
}

function roundMs(ms: number): number {
  return Number(ms.toPrecision(4))
}
