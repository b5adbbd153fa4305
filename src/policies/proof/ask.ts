import type { Identity, Look } from './actingAs.ts'
import { isTimeout } from './actingAs.ts'
import type { Asking, Outcome } from './evaluate.ts'
import { evaluate, evaluateForAll } from './evaluate.ts'
import type { Row } from './rows.ts'
import type { EndRole } from '../../catalog/roles.ts'
import type { Subject } from './subject.ts'

/** An identity with what decides which policies it meets. */
export interface Asker {
  identity: Identity
  role: EndRole
}

/** What each predicate said of each row, by identity: `outcomes.of(identity, predicate, row)`. */
export class Outcomes {
  private readonly found = new Map<Identity, Map<string, Map<Row, Outcome>>>()

  of(identity: Identity, predicate: string, row: Row): Outcome {
    return this.found.get(identity)?.get(predicate)?.get(row)
  }

  record(identity: Identity, predicates: string[], rows: Row[], answers: Outcome[][]): void {
    const ofIdentity = this.found.get(identity) ?? new Map<string, Map<Row, Outcome>>()
    this.found.set(identity, ofIdentity)
    for (const [index, predicate] of predicates.entries()) {
      const byRow = ofIdentity.get(predicate) ?? new Map<Row, Outcome>()
      ofIdentity.set(predicate, byRow)
      for (const [place, row] of rows.entries()) byRow.set(row, answers[index]?.[place])
    }
  }
}

/** How long one query should take about, in milliseconds: longer ones are cut smaller, shorter ones grow. */
const goodQueryMs = 150

/** Rows of the first portion, which is small, since a predicate may take 50 ms for each row. */
const fewRows = 16

/** What everybody answered about the first of the rows, and how long each took about. */
export interface Beginning {
  count: number
  answers: Map<Identity, Outcome[][]>
  tookMs: number
}

/** The share of the time that asking everybody at once may take in vain. */
const shareOfBeginning = 0.05

/**
 * Asks everybody about the first rows in few requests: a proof has some thirty who ask, and often no more rows than
 * these. Undefined where that takes long; then each is to be asked alone, so that a slow one takes no time of others.
 */
export async function askFirstRows(
  look: Look,
  subject: Subject,
  askings: Asking[],
  rows: Row[],
): Promise<Beginning | undefined> {
  const started = performance.now()
  const texts = rows.slice(0, fewRows).map(({ text }) => text)
  try {
    const timed = { ...look, clock: look.clock.part(shareOfBeginning) }
    const answers = await evaluateForAll(timed, subject.table, askings, texts)
    return {
      count: texts.length,
      answers: new Map(askings.map(({ identity }, at) => [identity, answers[at] ?? []])),
      tookMs: (performance.now() - started) / Math.max(1, askings.length),
    }
  } catch (error) {
    if (!isTimeout(error)) throw error
    return undefined
  }
}

/** How many rows the next portion of an identity may have that was asked the same before, and nothing failed for it. */
export type Paces = Map<Identity, number>

/**
 * Asks predicates about rows in portions that fit the time, after those that are answered already. Calls `onAnswers`
 * for each portion, and ends early when it gives false.
 *
 * @returns whether every row was asked
 */
export async function askInPortions(
  look: Look,
  subject: Subject,
  identity: Identity,
  predicates: string[],
  rows: Row[],
  onAnswers: (rows: Row[], answers: Outcome[][]) => boolean | undefined,
  { paces = new Map(), beginning }: { paces?: Paces; beginning?: Beginning | undefined } = {},
): Promise<boolean> {
  let size = paces.get(identity) ?? fewRows
  let from = 0
  paces.delete(identity)
  let isWell = true
  const take = (count: number, answers: Outcome[][], tookMs: number): boolean => {
    const portion = rows.slice(from, from + count)
    from += count
    // Of a portion in which many fail some rows stay unasked, so such portions had better be small.
    isWell &&= answers.every((of) => of.every((answer) => typeof answer === 'boolean'))
    size = nextSize(count, tookMs)
    return onAnswers(portion, answers) !== false
  }
  const first = beginning?.answers.get(identity)
  if (beginning && first && !take(beginning.count, first, beginning.tookMs)) return from >= rows.length
  while (from < rows.length) {
    if (look.clock.isOver()) return false
    const portion = rows.slice(from, from + size)
    const started = performance.now()
    try {
      const answers = await evaluate(
        { ...look, clock: look.clock.part(0.5) },
        subject.table,
        identity,
        portion.map(({ text }) => text),
        predicates,
      )
      if (!take(portion.length, answers, performance.now() - started)) return from >= rows.length
    } catch (error) {
      if (!isTimeout(error)) throw error
      // Half of the time for one row: the rest would not do for the next.
      if (portion.length === 1) return false
      size = Math.max(1, portion.length >> 3)
    }
  }
  if (isWell) paces.set(identity, size)
  return true
}

function nextSize(count: number, tookMs: number): number {
  const growth = Math.min(8, goodQueryMs / Math.max(1, tookMs))
  return Math.min(1000, Math.max(1, Math.floor(count * growth)))
}
