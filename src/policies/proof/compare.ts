import type { Asker, Beginning, Paces } from './ask.ts'
import { askFirstRows, askInPortions, Outcomes } from './ask.ts'
import type { Look } from './actingAs.ts'
import { isTimeout } from './actingAs.ts'
import type { Outcome } from './evaluate.ts'
import { evaluate } from './evaluate.ts'
import type { Question } from './questions.ts'
import type { Difference } from './report.ts'
import { effectOf } from './report.ts'
import type { Row } from './rows.ts'
import type { EndRole } from '../../catalog/roles.ts'
import type { Subject } from './subject.ts'

/** What comparing row by row gave. */
export interface Comparison {
  outcomes: Outcomes
  differences: Difference[]
  /** Pairs of an identity and a row that were asked. */
  asked: number
  of: number
  /** Questions whose answer changes from one call to the next, by label. */
  unsteady: string[]
}

/** Differences shown; the first tell enough. */
const mostDifferences = 20
/** Rows of the first round, so that every identity is asked something before the time is over. */
const firstRound = 64

/** Asks every identity about every row, before and after, as far as the time goes. */
export async function compare(
  look: Look,
  subject: Subject,
  questions: Question[],
  askers: Asker[],
  rows: Row[],
): Promise<Comparison> {
  const comparison: Comparison = {
    outcomes: new Outcomes(),
    differences: [],
    asked: 0,
    of: 0,
    unsteady: [],
  }
  const paces: Paces = new Map()
  const askings = askers.flatMap(({ identity, role }) => {
    const predicates = predicatesOf(questions, role)
    return predicates.length > 0 ? [{ identity, predicates }] : []
  })
  let beginning = await askFirstRows(look, subject, askings, rows)
  for (const round of [rows.slice(0, firstRound), rows.slice(firstRound)]) {
    for (const asker of askers) {
      const concerned = questions.filter((question) => question.concerns(asker.role))
      if (concerned.length === 0) continue
      comparison.of += round.length
      if (comparison.differences.length < mostDifferences)
        await compareFor({ ...look, paces, beginning }, subject, concerned, asker, round, comparison)
    }
    beginning = undefined
  }
  return comparison
}

function predicatesOf(questions: Question[], role: EndRole): string[] {
  const concerned = questions.filter((question) => question.concerns(role))
  return [...new Set(concerned.flatMap((question) => question.predicates(role)))]
}

async function compareFor(
  look: Look & { paces: Paces; beginning: Beginning | undefined },
  subject: Subject,
  questions: Question[],
  { identity, role }: Asker,
  rows: Row[],
  comparison: Comparison,
): Promise<void> {
  const predicates = predicatesOf(questions, role)
  const suspects: Suspect[] = []
  const judge = (portion: Row[], answers: Outcome[][]): boolean => {
    comparison.outcomes.record(identity, predicates, portion, answers)
    comparison.asked += portion.filter((_, place) => answers.every((of) => of[place] !== undefined)).length
    for (const row of portion) {
      const ask = (predicate: string) => comparison.outcomes.of(identity, predicate, row)
      for (const question of questions) {
        const [before, after] = [question.before(role, ask), question.after(role, ask)]
        if (before === undefined || after === undefined) continue
        // An error that is gone lets in nobody where the row is refused instead.
        const isGone = typeof before === 'string' && after === false
        if (before !== after && !isGone) suspects.push({ question, row, before, after })
      }
    }
    return suspects.length < mostDifferences
  }
  await askInPortions(look, subject, identity, predicates, rows, judge, look)
  for (const suspect of suspects) {
    const { question, row, before, after } = suspect
    if (comparison.unsteady.includes(question.label)) continue
    if (!(await isRepeated(look, subject, suspect, { identity, role }))) {
      comparison.unsteady.push(question.label)
      continue
    }
    if (comparison.differences.length >= mostDifferences) return
    comparison.differences.push({
      question: question.label,
      role: role.name,
      identity: identity.label,
      row: row.label,
      effect: effectOf(before, after),
      before,
      after,
    })
  }
}

/** A row that was let pass before and not after, or the other way round, when it was asked once. */
interface Suspect {
  question: Question
  row: Row
  before: Outcome
  after: Outcome
}

/**
 * How often the question is put again before a difference counts. A draw such as `random() < p` looks like the
 * difference again, each time, with a probability of p (1 - p) at most: 16 times with 4 ** -16 at the most. Several
 * statements, since what stands in a sub-select is drawn once for all rows of a statement.
 */
const repeats = { statements: 4, rows: 4 }

/** Whether both sides keep to their answers when nothing but the call is another one, as `random()` does not. */
async function isRepeated(
  look: Look,
  subject: Subject,
  { question, row, before, after }: Suspect,
  { identity, role }: Asker,
): Promise<boolean> {
  const predicates = question.predicates(role)
  const rows = Array.from({ length: repeats.rows }, () => row.text)
  try {
    for (let statement = 0; statement < repeats.statements; statement += 1) {
      const answers = await evaluate(look, subject.table, identity, rows, predicates)
      for (const place of rows.keys()) {
        const ask = (predicate: string) => answers[predicates.indexOf(predicate)]?.[place]
        const [again, anew] = [question.before(role, ask), question.after(role, ask)]
        // What the time or the halving left out says nothing.
        if (again === undefined || anew === undefined) continue
        if (again !== before || anew !== after) return false
      }
    }
  } catch (error) {
    if (!isTimeout(error)) throw error
  }
  return true
}
