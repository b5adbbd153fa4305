import { readServerFacts } from '../../../catalog/server.ts'
import type { Snapshot } from '../../../catalog/snapshot.ts'
import type { StatementStatistics } from '../../../catalog/statements.ts'
import { readStatements } from '../../../catalog/statements.ts'
import { findStatisticsAge } from '../../../catalog/statisticsAge.ts'
import type { Node, SelectStmt } from '../../../syntax/nodes.ts'
import { as } from '../../../syntax/nodes.ts'
import { parsableText } from '../../../syntax/normalisedText.ts'
import { asksOnlyServer, plannableStatement } from '../../../syntax/statementKind.ts'
import { CannotSee } from '../../rule.ts'

/** From when on a statement's answers are worth keeping. */
export interface CacheLimits {
  callsAnHour: number
  /** Milliseconds of the server, and the share of all that statements take, 0 to 1. */
  msAnHour: number
  share: number
  /** Of reads that a cache would answer, at worst. */
  hitRatio: number
  /** The counters of tables may begin so much later than those of statements, as when a server starts. */
  startsWithinMs: number
}

/** A read that is called often and takes much. */
export interface HotRead {
  statement: StatementStatistics & { role: string }
  node: Node
  select: SelectStmt
  rowsPerCall: number
}

/** The hot reads, of how many hours, and those of which nobody can tell whether they read. */
export interface HotReads {
  reads: HotRead[]
  hours: number
  unclear: string[]
}

/** More rows are a report, which nobody opens again and again. */
const mostRows = 1_000
/** Each of them is planned and followed. */
const mostReads = 30

/**
 * The SELECT statements that are called often, take much time and return few rows.
 *
 * @throws CannotSee where nobody knows since when is counted, or tables are counted for a shorter time than statements
 */
export async function listHotReads(context: Snapshot, limits: CacheLimits): Promise<HotReads> {
  const { statements, countedSince } = await context.read(readStatements)
  const { now } = await context.read(readServerFacts)
  if (!countedSince) throw new CannotSee('The server does not say since when pg_stat_statements counts.')
  const hours = Math.max(1, (now.getTime() - countedSince.getTime()) / 3_600_000)
  const totalMs = statements.reduce((sum, each) => sum + each.totalMs, 0)
  const found: HotReads = { reads: [], hours, unclear: [] }
  const hot = statements.filter(
    ({ calls, totalMs: ms, rows }) =>
      calls >= limits.callsAnHour * hours &&
      ms >= limits.msAnHour * hours &&
      ms >= limits.share * totalMs &&
      rows / calls <= mostRows,
  )
  for (const statement of hot.slice(0, mostReads)) {
    const plannable = await plannableStatement(parsableText(statement.text))
    if ('notPlanned' in plannable) {
      found.unclear.push(`${statement.id}: ${plannable.notPlanned}`)
      continue
    }
    const select = as(plannable.node, 'SelectStmt')
    const { role } = statement
    if (!select || role === null || asksOnlyServer(plannable.node)) continue
    const rowsPerCall = statement.rows / statement.calls
    found.reads.push({ statement: { ...statement, role }, node: plannable.node, select, rowsPerCall })
  }
  if (found.reads.length === 0) return found
  // What was written before the statements were counted may be counted too: there were not more writes than that.
  const { resetAt } = await context.read(findStatisticsAge)
  if (resetAt.getTime() > countedSince.getTime() + limits.startsWithinMs) {
    throw new CannotSee(
      `Writes of tables are counted since ${resetAt.toISOString()}, statements already since ${countedSince.toISOString()}; SELECT pg_stat_statements_reset() lets both count the same time.`,
    )
  }
  return found
}
