import type { ClientBase } from 'pg'
import { borrow } from '../db/database.ts'
import type { RelationName } from '../db/identifiers.ts'
import type { PolicyAlteration } from '../drafts/draft.ts'
import { shortList } from '../shortList.ts'
import type { Clock } from './equivalence/clock.ts'
import { proveEquivalence, usualSearchPath } from './equivalence/prove.ts'
import { describeDifference } from './equivalence/report.ts'
import type { PolicyRewrite } from './equivalence/rewritten.ts'
import { isShownByStructure } from './equivalence/sameStructure.ts'

/** What rehearsing the proofs of many tables shares. */
export interface Rehearsal {
  client: ClientBase
  /** What it may take in all; what is not tried is left to the migration's own condition. */
  clock: Clock
  searchPath: string
}

export async function beginRehearsal(client: ClientBase, clock: Clock): Promise<Rehearsal> {
  return { client, clock, searchPath: await usualSearchPath(borrow(client)) }
}

/** The most that the rows of one table are looked at; the migration's own condition takes longer where it must. */
const mostMs = 10_000

/**
 * Runs the condition that a migration will begin with, `rewriteIsEquivalent`, before the migration is written: what
 * cannot be shown on the rows and identities that are there is better left alone now than refused in a deploy. No row
 * is looked at for what structure shows. Where it fails for all other policies of the table together, each is asked
 * alone.
 *
 * @returns why a policy is to be left as it is, by its name; nothing of what the time did not suffice for.
 */
export async function rehearseProof(
  rehearsal: Rehearsal,
  table: RelationName,
  alterations: PolicyAlteration[],
): Promise<Map<string, string>> {
  const isShown = (some: PolicyAlteration[]) =>
    isShownByStructure(borrow(rehearsal.client), table, some.map(asRewrite), rehearsal.searchPath)
  if (await isShown(alterations)) return new Map()
  const open: PolicyAlteration[] = []
  for (const alteration of alterations) {
    if (!(await isShown([alteration]))) open.push(alteration)
  }
  const objection = await objectionTo(rehearsal, table, open)
  if (objection === undefined) return new Map()
  const found = new Map<string, string>()
  for (const alteration of open) {
    const own = open.length === 1 ? objection : await objectionTo(rehearsal, table, [alteration])
    if (own !== undefined) found.set(alteration.policy, own)
  }
  // None fails alone, so it is what they are together.
  return found.size > 0 ? found : new Map(open.map(({ policy }) => [policy, objection]))
}

async function objectionTo(
  { client, clock, searchPath }: Rehearsal,
  table: RelationName,
  alterations: PolicyAlteration[],
): Promise<string | undefined> {
  if (clock.isOver()) return undefined
  const budgetMs = Math.min(mostMs, clock.remainingMs())
  const rewrites = alterations.map(asRewrite)
  const report = await proveEquivalence(borrow(client), table, rewrites, { budgetMs, searchPath })
  const { outcome, reasons, differences, coverage } = report
  if (outcome === 'equivalent' || (outcome === 'not shown' && coverage.isCutShort)) return undefined
  const [difference] = differences
  return difference
    ? `it would not let the same rows pass: ${describeDifference(difference)}`
    : `it cannot be shown on the rows that are there that the same rows pass: ${shortList(reasons, '; ')}`
}

function asRewrite({ policy, after }: PolicyAlteration): PolicyRewrite {
  return { policy, ...after }
}
