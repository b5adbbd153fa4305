import type { Highs } from 'highs'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import { display } from '../postgres/identifiers.ts'
import { sqlTokens } from '../postgres/sqlTokens.ts'
import type { Candidate } from './candidates.ts'
import { definitionOn } from './candidates.ts'
import type { Priced } from './choose.ts'
import { chooseIndexes } from './choose.ts'
import type { Configuration, CostedStatement } from './configurations.ts'
import { weightOf } from './plannedStatement.ts'
import { redundantPairs } from './redundantPairs.ts'

/** An index that may be there or not, with everything that the choice knows of it. */
export interface DecidedIndex extends Priced {
  index: DefinedIndex
  /** Absent for one that exists. */
  candidate?: Candidate
  /** Entries that writes make in it, in the time of the workload. */
  entries: number
}

/** A choice with all that it was made from, so that it can be explained, and made again under other terms. */
export interface Decision {
  statements: CostedStatement[]
  indexes: DecidedIndex[]
  /** Indexes that must stay. */
  fixed: TableIndex[]
  /** Candidates that PostgreSQL does not build, and why. */
  refused: { candidate: Candidate; reason: string }[]
  /** Oids of those that exist. */
  today: ReadonlySet<number>
  /** Oids of those that are to be there. */
  chosen: ReadonlySet<number>
  /** Oids of which at least one has to be there, as long as the budget allows it. */
  needs: number[][]
  budget: number | undefined
}

/** No statement may take longer than so many times what it takes today, whatever others gain. */
export const mostSlower = 1.15

/** `ON public.orders USING btree (customer, made DESC)`, or the name of an index that exists. */
export function nameOf({ index, candidate }: Pick<DecidedIndex, 'index' | 'candidate'>): string {
  return candidate ? displayCandidate(candidate) : display(index)
}

/** A candidate for people: its table is quoted only where it must be. */
export function displayCandidate(candidate: Candidate): string {
  return `ON ${display(candidate.table)} ${displayDefinition(candidate)}`
}

/** What follows the table's name. */
export function displayDefinition(candidate: Candidate): string {
  return Array.from(sqlTokens(definitionOn(candidate)), (token) =>
    /^"[a-z_][a-z0-9_$]*"$/.test(token) ? token.slice(1, -1) : token,
  ).join('')
}

/** The cheapest way to run a statement with these indexes; undefined where it would get too slow. */
export function cheapest(
  { configurations }: CostedStatement,
  there: ReadonlySet<number>,
): Configuration | undefined {
  const possible = configurations.filter(({ options }) => options.every((oid) => there.has(oid)))
  return possible.length === 0
    ? undefined
    : possible.reduce((least, each) => (each.cost < least.cost ? each : least))
}

/** Of two of which one does the other's work, only one is there. */
function goesWith(others: ReadonlySet<number>): (configuration: Configuration) => boolean {
  return ({ options }) => !options.some((oid) => others.has(oid))
}

/** Seconds that another choice may take. */
const timeLimit = 5
/** Of the cost of the workload: what an index has to save to be taken where the first choice did without it. */
const worthAnother = 1e-4

/** What the workload costs with these indexes. */
export interface Total {
  /** In the planner's units, the upkeep of indexes among it. */
  cost: number
  upkeep: number
  bytes: number
}

/** What the workload costs with these indexes, as far as it was planned with them. */
export function totalWith({ statements, indexes }: Decision, there: ReadonlySet<number>): Total {
  const kept = indexes.filter(({ oid }) => there.has(oid))
  const upkeep = kept.reduce((sum, each) => sum + each.upkeep, 0)
  const cost = statements.reduce(
    (sum, each) => sum + weightOf(each.statement) * (cheapest(each, there)?.cost ?? 0),
    upkeep,
  )
  return { cost, upkeep, bytes: kept.reduce((sum, each) => sum + each.bytes, 0) }
}

/**
 * Chooses again, with an index that has to be there and one that must not. Of choices that are about as good, it takes the
 * one that differs least from the first.
 *
 * @returns the oids of the indexes that are there; undefined where a statement would get too slow without the one, or the budget does not hold the other
 */
export function chooseAgain(
  highs: Highs,
  decision: Decision,
  { must, mustNot }: { must?: DecidedIndex; mustNot?: DecidedIndex },
): ReadonlySet<number> | undefined {
  const { statements, indexes, needs, chosen, budget } = decision
  const left = budget === undefined || !must ? budget : budget - must.bytes
  if (left !== undefined && left < 0) return undefined
  // What has to be there is as if it cost nothing: its bytes and its upkeep are counted here.
  const possible = statements.map(({ statement, configurations }) => ({
    statement,
    configurations: configurations
      .filter(({ options }) => !mustNot || !options.includes(mustNot.oid))
      .map(({ cost, options }) => ({ cost, options: options.filter((oid) => oid !== must?.oid) })),
  }))
  const bytesOf = new Map(indexes.map(({ oid, bytes }) => [oid, bytes]))
  const isFree = ({ options }: Configuration): boolean => options.every((oid) => bytesOf.get(oid) === 0)
  const canRun = possible.every(({ configurations }) =>
    left === undefined ? configurations.length > 0 : configurations.some(isFree),
  )
  if (!canRun) return undefined
  const open = needs
    .filter((oids) => !must || !oids.includes(must.oid))
    .map((oids) => oids.filter((oid) => oid !== mustNot?.oid))
  const used = new Set([
    ...possible.flatMap(({ configurations }) => configurations.flatMap(({ options }) => options)),
    ...open.flat(),
  ])
  const lean = worthAnother * totalWith(decision, chosen).cost
  const pairs = redundantPairs(indexes.filter(({ oid }) => used.has(oid) || oid === must?.oid))
  const beside = new Set(must ? pairs.filter((pair) => pair.includes(must.oid)).flat() : [])
  const choice = chooseIndexes(
    highs,
    possible.map((each) => ({ ...each, configurations: each.configurations.filter(goesWith(beside)) })),
    indexes
      .filter(({ oid }) => used.has(oid) && !beside.has(oid))
      .map((each) => (chosen.has(each.oid) ? each : { ...each, upkeep: each.upkeep + lean })),
    {
      timeLimit,
      needs: open,
      exclusive: pairs.filter((pair) => !pair.some((oid) => beside.has(oid))),
      ...(left === undefined ? {} : { budget: left }),
    },
  )
  return new Set([...choice.chosen, ...(must ? [must.oid] : [])])
}
