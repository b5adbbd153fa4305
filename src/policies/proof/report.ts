import type { Outcome } from './evaluate.ts'

/** How two sets of policies on a table compare, and what the answer rests on. */
export interface EquivalenceReport {
  /**
   * `equivalent`: nothing differs, and what was asked would have shown a mistake, or the trees themselves are
   * the same but for where a call is made. `different`: a row was lost or gained, or an error came or went.
   * `not shown`: nothing was seen to differ, but that says too little; `reasons` tell why.
   */
  outcome: 'equivalent' | 'different' | 'not shown'
  differences: Difference[]
  /** Why it could not be shown, and what to do; empty for the other two outcomes. */
  reasons: string[]
  /** Every change is one of structure: a call that does not depend on the row is made once per statement. */
  byStructure: boolean
  coverage: Coverage
  mutants: MutationScore
  /** What nobody could see: roles that the session may not act as, errors that were there before. */
  notes: string[]
}

/** One row that the policies judge in another way than before. */
export interface Difference {
  /** `SELECT`, or for which policy and predicate: `policy "own rows", USING`. */
  question: string
  role: string
  /** The role with its claims and settings. */
  identity: string
  /** The row's primary key, or how it was made up. */
  row: string
  effect: 'lost' | 'gained' | 'fails now' | 'failed before' | 'fails otherwise'
  before: Outcome
  after: Outcome
}

/** In place of a row, for what happens before any row is looked at. */
export const anyRow = 'any row'

/** What was asked. */
export interface Coverage {
  identities: string[]
  /** Rows of the table, and rows that were made up. */
  rows: number
  madeUpRows: number
  /** Of all pairs of an identity and a row, those that were asked. */
  asked: number
  of: number
  ms: number
  budgetMs: number
  /** The time was over before everything was asked. */
  isCutShort: boolean
}

/** Wrong predicates that were tried, and those of them that were seen to be wrong. */
export interface MutationScore {
  made: number
  caught: number
  survivors: string[]
}

/** What changed for the row. */
export function effectOf(before: Outcome, after: Outcome): Difference['effect'] {
  if (typeof before === 'string') return typeof after === 'string' ? 'fails otherwise' : 'failed before'
  if (typeof after === 'string') return 'fails now'
  return before === true ? 'lost' : 'gained'
}

/** `row {"id":5} is gained by authenticated {"sub":"..."} (policy "own rows", USING)` */
export function describeDifference({ question, identity, row, effect, before, after }: Difference): string {
  const what = {
    lost: 'is lost',
    gained: 'is gained',
    'fails now': `gives the error ${String(after)} and gave none before`,
    'failed before': `gave the error ${String(before)} before and gives none now`,
    'fails otherwise': `gives the error ${String(after)} and gave ${String(before)} before`,
  }[effect]
  return `${row === anyRow ? anyRow : `row ${row}`} ${what} for ${identity} (${question})`
}

/** What a proof on rows rests on, without how long it took: `8 identities, 120 rows and 13 made-up rows, ...`. */
export function describeEvidence({ coverage, mutants }: EquivalenceReport): string {
  const { identities, rows, madeUpRows } = coverage
  return `${identities.length} identities, ${rows} rows and ${madeUpRows} made-up rows, ${mutants.caught} of ${mutants.made} wrong predicates noticed`
}

/** What the answer rests on, as one line. */
export function describeCoverage({ coverage, mutants, byStructure }: EquivalenceReport): string {
  const { identities, rows, madeUpRows, asked, of, ms, budgetMs, isCutShort } = coverage
  return [
    ...(byStructure ? ['by structure'] : []),
    rows + madeUpRows === 0
      ? 'no rows to try'
      : `${identities.length} identities, ${rows} rows and ${madeUpRows} made-up rows`,
    `${mutants.caught} of ${mutants.made} mutants caught`,
    ...(isCutShort ? [`cut short after ${budgetMs} ms with ${asked} of ${of} pairs asked`] : [`${ms} ms`]),
  ].join(', ')
}
