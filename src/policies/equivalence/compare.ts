import type { Asker } from './ask.ts'
import { askInPortions, Outcomes } from './ask.ts'
import type { Clock } from './clock.ts'
import type { Look, Outcome } from './evaluate.ts'
import { evaluate, isTimeout } from './evaluate.ts'
import type { Question } from './questions.ts'
import type { Difference } from './report.ts'
import { effectOf } from './report.ts'
import type { Row } from './rows.ts'
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
  look: Look & { clock: Clock },
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
  for (const round of [rows.slice(0, firstRound), rows.slice(firstRound)]) {
    for (const asker of askers) {
      const concerned = questions.filter((question) => question.concerns(asker.role))
      if (concerned.length === 0) continue
      comparison.of += round.length
      if (comparison.differences.length < mostDifferences)
        await compareFor(look, subject, concerned, asker, round, comparison)
    }
  }
  return comparison
}

async function compareFor(
  look: Look & { clock: Clock },
  subject: Subject,
  questions: Question[],
  { identity, role }: Asker,
  rows: Row[],
  comparison: Comparison,
): Promise<void> {
  const predicates = [...new Set(questions.flatMap((question) => question.predicates(role)))]
  const suspects: { question: Question; row: Row; before: Outcome; after: Outcome }[] = []
  await askInPortions(look, subject, identity, predicates, rows, (portion, answers) => {
    comparison.outcomes.record(identity, predicates, portion, answers)
    comparison.asked += portion.filter((_, place) => answers.every((of) => of[place] !== undefined)).length
    for (const row of portion) {
      const ask = (predicate: string) => comparison.outcomes.of(identity, predicate, row)
      for (const question of questions) {
        const [before, after] = [question.before(role, ask), question.after(role, ask)]
        if (before === undefined || after === undefined) continue
        if (before !== after) suspects.push({ question, row, before, after })
      }
    }
    return suspects.length < mostDifferences
  })
  for (const { question, row, before, after } of suspects) {
    if (comparison.unsteady.includes(question.label)) continue
    if (await isUnsteady(look, subject, question, { identity, role }, row)) {
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

/** How often a predicate is asked again before a difference counts. */
const repeats = 6

/** Whether what is asked answers otherwise when nothing but the call is another one, as `random()` does. */
async function isUnsteady(
  look: Look,
  subject: Subject,
  question: Question,
  { identity, role }: Asker,
  row: Row,
): Promise<boolean> {
  const predicates = question.predicates(role)
  const seen = new Set<string>()
  try {
    const texts = Array.from({ length: repeats }, () => row.text)
    const answers = await evaluate(look, subject.table, identity, texts, predicates)
    for (let turn = 0; turn < repeats; turn += 1) {
      const ask = (predicate: string) => answers[predicates.indexOf(predicate)]?.[turn]
      seen.add(String(question.before(role, ask)))
    }
  } catch (error) {
    if (!isTimeout(error)) throw error
  }
  return seen.size > 1
}
