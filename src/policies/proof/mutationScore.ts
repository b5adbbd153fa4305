import type { Asker, Outcomes } from './ask.ts'
import { askInPortions } from './ask.ts'
import type { Identity, Look } from './actingAs.ts'
import type { Outcome } from './evaluate.ts'
import type { Question } from './questions.ts'
import type { MutationScore } from './report.ts'
import type { Row } from './rows.ts'
import type { Subject } from './subject.ts'

/** A predicate that is wrong by one change, and the right one that it stands for. */
export interface WrongPredicate {
  right: string
  wrong: string
  change: string
}

/** Rows asked first; survivors are then asked about all of them. */
const fewRows = 160

/**
 * Tries wrong predicates on the rows and identities of the proof: one that answers otherwise than the right
 * one for any of them is caught. So it is known that the proof would have seen such a mistake.
 * What is no valid SQL is left out; what the time did not do for is not counted as made.
 */
export async function scoreMutants(
  look: Look,
  subject: Subject,
  questions: Question[],
  askers: Asker[],
  rows: Row[],
  outcomes: Outcomes,
  wrongs: WrongPredicate[],
): Promise<MutationScore> {
  const caught = new Set<WrongPredicate>()
  const invalid = new Set<WrongPredicate>()
  const asked = new Set<WrongPredicate>()
  // Where there are few rows, those that are chosen first are all of them.
  const answered = new Map<Identity, Set<WrongPredicate>>()
  for (const chosen of [telling(rows, askers, outcomes, questions), rows]) {
    for (const { identity, role } of askers) {
      const concerned = questions.filter((question) => question.concerns(role))
      const open = wrongs.filter(
        (each) =>
          !caught.has(each) &&
          !invalid.has(each) &&
          answered.get(identity)?.has(each) !== true &&
          concerned.some((question) => question.predicates(role).includes(each.right)),
      )
      if (open.length === 0 || look.clock.isOver()) continue
      const whole = answered.get(identity) ?? new Set<WrongPredicate>()
      answered.set(identity, whole)
      await askInPortions(
        look,
        subject,
        identity,
        open.map(({ wrong }) => wrong),
        chosen,
        (portion, answers) => {
          for (const [index, each] of open.entries()) {
            const own = answers[index] ?? []
            if (
              own.length > 0 &&
              own.every(isInvalid) &&
              !portion.every((row) => isInvalid(outcomes.of(identity, each.right, row)))
            ) {
              invalid.add(each)
              continue
            }
            asked.add(each)
            const differs = portion.some((row, place) => {
              if (outcomes.of(identity, each.right, row) === undefined) return false
              const ask = (predicate: string) => outcomes.of(identity, predicate, row)
              const askWrong = (predicate: string) => (predicate === each.right ? own[place] : ask(predicate))
              return concerned.some(
                (question) => question.after(role, ask) !== question.after(role, askWrong),
              )
            })
            if (differs) caught.add(each)
            if (portion.length === rows.length && !own.includes(undefined)) whole.add(each)
          }
          return open.some((each) => !caught.has(each) && !invalid.has(each))
        },
      )
    }
  }
  const made = wrongs.filter((each) => asked.has(each) && !invalid.has(each))
  const survivors = made.filter((each) => !caught.has(each)).map(({ change }) => change)
  return { made: made.length, caught: made.length - survivors.length, survivors }
}

/** The text is no valid SQL. A missing privilege and endless recursion are answers of valid SQL. */
function isInvalid(outcome: Outcome): boolean {
  return typeof outcome === 'string' && outcome.startsWith('42') && !['42501', '42P17'].includes(outcome)
}

/** Rows on which identities and predicates disagree, a few of each pattern; these catch most. */
function telling(rows: Row[], askers: Asker[], outcomes: Outcomes, questions: Question[]): Row[] {
  const byPattern = new Map<string, Row[]>()
  for (const row of rows) {
    const pattern = askers
      .map(({ identity, role }) =>
        questions
          .filter((question) => question.concerns(role))
          .map((question) =>
            String(question.after(role, (predicate) => outcomes.of(identity, predicate, row))),
          )
          .join(),
      )
      .join(';')
    byPattern.set(pattern, [...(byPattern.get(pattern) ?? []), row])
  }
  const chosen: Row[] = []
  for (let turn = 0; chosen.length < fewRows && turn < rows.length; turn += 1) {
    for (const same of byPattern.values()) {
      const row = same[turn]
      if (row && chosen.length < fewRows) chosen.push(row)
    }
  }
  return chosen
}
