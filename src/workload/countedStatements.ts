import type { CountsLook, StatementCount } from '../catalog/statements.ts'
import { longestText } from '../catalog/statements.ts'
import { groupBy } from '../groupBy.ts'
import { parsableText, shortForm } from '../syntax/normalisedText.ts'
import { commandOf, plannableStatement, asksOnlyServer } from '../syntax/statementKind.ts'
import type { LeftOut, Unsure } from './leftOut.ts'
import type { WorkloadStatement } from './workloadFile.ts'

/** A statement whose arguments nobody kept. */
export interface CountedStatement extends WorkloadStatement {
  isGeneric: true
  /** Milliseconds of one call on average. */
  meanMs: number
  /** Milliseconds of planning, for one call on average; 0 where nobody counts them. */
  planMs: number
  rowsPerCall: number
}

/** What pg_stat_statements counted, as a workload. */
export interface CountedWorkload {
  statements: CountedStatement[]
  leftOut: LeftOut[]
  unsure: Unsure[]
}

/** Statements with less time than that many others are not planned. */
const mostStatements = 1_000

/**
 * The statements of pg_stat_statements as a workload: the same text of the same role is one statement. What cannot be
 * planned is left out by name.
 */
export async function countedStatements({
  counts,
  hidden,
}: Pick<CountsLook, 'counts' | 'hidden'>): Promise<CountedWorkload> {
  const statements: CountedStatement[] = []
  const leftOut: LeftOut[] = []
  for (const group of grouped(counts)) {
    const { text, role, queryId, calls, totalMs, planMs, rows } = group
    const leave = (name: string, reason: string): void =>
      void leftOut.push({ statement: { name, line: undefined }, reason })
    if (text === null) {
      leave(`${queryId} (no text)`, 'pg_stat_statements has lost its text')
      continue
    }
    if (text.length >= longestText) {
      leave(nameOf(group), `its text is longer than ${longestText.toLocaleString('en-US')} characters`)
      continue
    }
    const plannable = await plannableStatement(parsableText(text))
    if ('notPlanned' in plannable) {
      // Its text may hold what nobody should see: nothing of such a statement is normalised.
      leave(`${queryId} ${commandOf(text)}`, plannable.notPlanned)
      continue
    }
    if (asksOnlyServer(plannable.node)) {
      leave(nameOf(group), 'it reads no table of yours')
      continue
    }
    if (statements.length === mostStatements) {
      leave(nameOf(group), `${mostStatements.toLocaleString('en-US')} others take more time`)
      continue
    }
    statements.push({
      name: nameOf(group),
      line: undefined,
      calls,
      types: [],
      args: [nulls(plannable.sql)],
      role: role ?? undefined,
      claims: undefined,
      sql: plannable.sql,
      isGeneric: true,
      meanMs: totalMs / calls,
      planMs: planMs / calls,
      rowsPerCall: rows / calls,
    })
  }
  return { statements, leftOut, unsure: [...hiddenStatements(counts, hidden), ...droppedRoles(statements)] }
}

function hiddenStatements(
  counts: readonly StatementCount[],
  { statements, totalMs }: CountsLook['hidden'],
): Unsure[] {
  if (statements === 0) return []
  const all = counts.reduce((sum, count) => sum + count.totalMs, totalMs)
  const share = Math.round((100 * totalMs) / Math.max(all, Number.MIN_VALUE))
  return [
    {
      about: `${statements} statements of other roles`,
      reason: `this role may not see them, and they take ${share} % of the time: GRANT pg_read_all_stats`,
    },
  ]
}

function droppedRoles(statements: readonly CountedStatement[]): Unsure[] {
  return statements
    .filter(({ role }) => role === undefined)
    .map(({ name }) => ({
      about: name,
      reason: 'its role was dropped: it is planned as a superuser, without policies',
    }))
}

/** One for each text and role, those with the most time first. A statement has several ids where it was parsed anew. */
function grouped(counts: readonly StatementCount[]): StatementCount[] {
  const groups = groupBy(counts, ({ userId, queryId, text }) =>
    JSON.stringify([userId, text === null ? queryId : text.replace(/\s+/g, ' ').trim()]),
  )
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group
      if (!first) return []
      const total = (of: 'calls' | 'totalMs' | 'planMs' | 'rows'): number =>
        group.reduce((sum, count) => sum + count[of], 0)
      return [
        {
          ...first,
          calls: total('calls'),
          totalMs: total('totalMs'),
          planMs: total('planMs'),
          rows: total('rows'),
        },
      ]
    })
    .sort((a, b) => b.totalMs - a.totalMs)
}

/** `4083… authenticated: SELECT * FROM orders WHERE …`: ids are equal for equal texts of different roles. */
function nameOf({ queryId, role, text }: StatementCount): string {
  return `${queryId} ${role ?? '(dropped role)'}: ${shortForm(text ?? '')}`
}

/** As many arguments as the text has: `$2` -> NULL, NULL. */
function nulls(text: string): string[] {
  const last = Math.max(0, ...Array.from(text.matchAll(/\$(\d+)/g), ([, number]) => Number(number)))
  return Array.from({ length: last }, () => 'NULL')
}
