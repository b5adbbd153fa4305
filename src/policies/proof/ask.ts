import type { Clock } from './clock.ts'
import type { Identity, Look } from './actingAs.ts'
import { isTimeout } from './actingAs.ts'
import type { Outcome } from './evaluate.ts'
import { evaluate } from './evaluate.ts'
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

/**
 * Asks predicates about rows in portions that fit the time: the first is small, since a predicate may take
 * 50 ms for each row. Calls `onAnswers` for each portion, and ends early when it gives false.
 *
 * @returns whether every row was asked
 */
export async function askInPortions(
  look: Look & { clock: Clock },
  subject: Subject,
  identity: Identity,
  predicates: string[],
  rows: Row[],
  onAnswers: (rows: Row[], answers: Outcome[][]) => boolean | undefined,
): Promise<boolean> {
  let size = 16
  let from = 0
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
      from += portion.length
      if (onAnswers(portion, answers) === false) return from >= rows.length
    } catch (error) {
      if (!isTimeout(error)) throw error
      // Half of the time for one row: the rest would not do for the next.
      if (portion.length === 1) return false
      size = Math.max(1, portion.length >> 3)
      continue
    }
    const took = Math.max(1, performance.now() - started)
    size = Math.min(1000, Math.max(1, Math.floor(portion.length * Math.min(8, goodQueryMs / took))))
  }
  return true
}
