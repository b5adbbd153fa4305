import type { ClientBase } from 'pg'
import type { Database } from '../../postgres/database.ts'
import { borrow } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import type { Under } from '../../postgres/savepoint.ts'
import type { PolicyAlteration } from '../../operations/operation.ts'
import { shortList } from '../../shortList.ts'
import type { Answers } from './atOnce.ts'
import type { Clock } from './clock.ts'
import { startClock } from './clock.ts'
import { usualSearchPath } from '../../catalog/settings.ts'
import { proveEquivalence } from './prove.ts'
import { describeEvidence, describeDifference } from './report.ts'
import type { PolicyRewrite } from './rewritten.ts'
import { judgeByStructure } from './sameStructure.ts'

/** What rehearsing the proofs of many tables shares. */
export interface Rehearsal {
  client: ClientBase
  db: Database
  /** What it may take in all; what is not shown by then is left as it is. */
  clock: Clock
  searchPath: string
  answers: Answers
}

/** What came of the rehearsal for the policies of one table, by their names. */
export interface Rehearsed {
  /** Why a policy is to be left as it is. */
  left: Map<string, string>
  /** On what it rests that a policy may change, where rows and not structure show it. */
  shown: Map<string, string>
}

export async function beginRehearsal(client: ClientBase, clock: Clock): Promise<Rehearsal> {
  const db = borrow(client)
  return { client, db, clock, searchPath: await usualSearchPath(db), answers: new Map() }
}

/** The most that the rows of one table are looked at, and the parts that structure proves are run. */
const mostMs = 10_000
const mostMsAtOnce = 5_000

/**
 * Tries the condition that a migration will begin with, `rewriteIsEquivalent`, before the migration is written, so that
 * what is written can be applied. For each policy structure proves that the same rows pass, or the rows that are there
 * show it; what is neither is left as it is, whatever becomes of the other policies of the table. No row is looked at for
 * what structure proves; what will be evaluated at once is run for callers whom nobody reckons with.
 */
export async function rehearseProof(
  rehearsal: Rehearsal & { under: Under },
  table: RelationName,
  alterations: PolicyAlteration[],
): Promise<Rehearsed> {
  const { db, under, searchPath, answers } = rehearsal
  const look = { db, under, searchPath, answers, clock: startClock(mostMsAtOnce) }
  const left = new Map<string, string>()
  const shown = new Map<string, string>()
  const open: PolicyAlteration[] = []
  for (const [policy, verdict] of await judgeByStructure(look, table, alterations.map(asRewrite))) {
    if (verdict.differences[0]) left.set(policy, differs(describeDifference(verdict.differences[0])))
    else if (!verdict.isProven) open.push(...alterations.filter((each) => each.policy === policy))
  }
  if (open.length === 0) return { left, shown }
  const together = await tryOnRows(rehearsal, table, open)
  for (const alteration of open) {
    const own =
      together.isShown || open.length === 1 ? together : await tryOnRows(rehearsal, table, [alteration])
    ;(own.isShown ? shown : left).set(alteration.policy, own.text)
  }
  return { left, shown }
}

async function tryOnRows(
  { db, clock, searchPath }: Rehearsal,
  table: RelationName,
  alterations: PolicyAlteration[],
): Promise<{ isShown: boolean; text: string }> {
  if (clock.isOver()) {
    return {
      isShown: false,
      text: 'the time for trying it on rows was over; run the command again with --rules or --schema',
    }
  }
  const budgetMs = Math.min(mostMs, clock.remainingMs())
  const report = await proveEquivalence(db, table, alterations.map(asRewrite), { budgetMs, searchPath })
  const { outcome, reasons, differences } = report
  if (outcome === 'equivalent') return { isShown: true, text: describeEvidence(report) }
  const [difference] = differences
  const text = difference
    ? differs(describeDifference(difference))
    : `it cannot be shown on the rows that are there that the same rows pass: ${shortList(reasons, '; ')}`
  return { isShown: false, text }
}

function differs(difference: string): string {
  return `it would not let the same rows pass: ${difference}`
}

function asRewrite({ policy, after }: PolicyAlteration): PolicyRewrite {
  return { policy, ...after }
}
