import { usualSearchPath } from '../../catalog/settings.ts'
import type { Database } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display } from '../../postgres/identifiers.ts'
import type { Under } from '../../postgres/savepoint.ts'
import { underOneSavepoint } from '../../postgres/savepoint.ts'
import { UsageError } from '../../errors.ts'
import { shortList } from '../../shortList.ts'
import { unique } from '../../unique.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { Look } from './actingAs.ts'
import type { Asker } from './ask.ts'
import type { CalledFunction } from './bodies.ts'
import { listCalledFunctions } from './bodies.ts'
import { startClock } from './clock.ts'
import type { Comparison } from './compare.ts'
import { compare } from './compare.ts'
import type { Policy } from '../../catalog/policies.ts'
import type { GivenIdentity } from './identities.ts'
import { lostChoices } from './lostChoices.ts'
import { mutantsOf } from './mutants.ts'
import type { WrongPredicate } from './mutationScore.ts'
import { scoreMutants } from './mutationScore.ts'
import type { Question } from './questions.ts'
import { appliesTo, nobody, questionsFor } from './questions.ts'
import type { EquivalenceReport, MutationScore } from './report.ts'
import type { PolicyRewrite } from './rewritten.ts'
import { rewritten } from './rewritten.ts'
import type { Row } from './rows.ts'
import type { Sample } from './sample.ts'
import { takeSample } from './sample.ts'
import type { ChangedTree } from './atOnce.ts'
import { findErrorsAtOnce, strangers } from './atOnce.ts'
import { findRecursion } from './findRecursion.ts'
import { isSameStructure, parsePredicates } from './sameStructure.ts'
import { asConstants } from './steadyValues.ts'
import type { Structure } from './structure.ts'
import { readStructure } from './structure.ts'
import type { EndRole } from '../../catalog/roles.ts'
import type { Subject } from './subject.ts'
import { findSubject } from './subject.ts'

/** JSON values, so that a migration file can hold them. */
export interface ProofOptions {
  /**
   * How long it may take, in milliseconds; 60,000 by default, 3,000 where the structure proves it already.
   * It ends as soon as everything is asked.
   */
  budgetMs?: number
  /** Identities to ask besides those that are found. */
  identities?: GivenIdentity[]
  /** Where functions without a `search_path` of their own find their tables; that of a new session by default. */
  searchPath?: string
  /** Wrong predicates to try for each predicate that rows have to show, 60 by default; where it is given, for all. */
  mostMutants?: number
}

/** The share of wrong predicates that must be caught where the structure proves nothing. */
const leastCaught = 0.8

/**
 * The time for errors of what runs at once, in milliseconds, however little the rest has left: they would end
 * statements that work today, and on a slow machine no less.
 */
const leastAtOnceMs = 10_000

/**
 * Compares the policies of a table with what they will be. It only reads: in the transaction of a migration
 * before its ALTER POLICY, so that no lock is held while rows are scanned, or in a plan.
 *
 * Every answer of `pg_get_expr` and every rewrite is read with an empty `search_path`.
 *
 * @throws UsageError where a predicate is no SQL, or there is no such table
 */
export async function proveEquivalence(
  db: Database,
  table: RelationName,
  rewrites: PolicyRewrite[],
  options: ProofOptions = {},
): Promise<EquivalenceReport> {
  return underOneSavepoint(db, (under) => prove({ db, under }, table, rewrites, options))
}

async function prove(
  { db, under }: { db: Database; under: Under },
  table: RelationName,
  rewrites: PolicyRewrite[],
  options: ProofOptions,
): Promise<EquivalenceReport> {
  const started = performance.now()
  const subject = await findSubject(db, table)
  if (!subject) throw new UsageError(`There is no table ${display(table)}.`, 'Check its name and schema.')
  const { after, missing } = rewritten(subject.policies, rewrites)
  const report = emptyReport(options.budgetMs ?? 0)
  if (missing.length > 0) {
    return { ...report, outcome: 'not shown', reasons: [`there is no policy ${shortList(missing)}`] }
  }
  const questions = questionsFor(subject.policies, after)
  if (questions.length === 0 && sameTexts(subject.policies, after)) {
    return { ...report, notes: ['the policies are already as they will be'] }
  }

  const trees = await parsePredicates([...subject.policies, ...after])
  const changes = changedPairs(subject.policies, after)
  const searchPath = options.searchPath ?? (await usualSearchPath(db))
  const structure = await readStructure(db, subject, [...trees.values()])
  const unproven = subject.policies.filter((policy) => !isProven(policy, after, trees, structure))
  const byStructure = unproven.length === 0
  const shown = new Set(rewrites.flatMap((each) => ('shownOnRows' in each ? [each.policy] : [])))
  /** What rows have to show now: they can refute everything. */
  const open = new Set(unproven.flatMap(({ name }) => (shown.has(name) ? [] : [name])))
  const isOpen = ({ policy }: Question) => (policy === undefined ? open.size > 0 : open.has(policy))
  const budgetMs = options.budgetMs ?? (open.size === 0 ? 3_000 : 60_000)
  const clock = startClock(budgetMs - (performance.now() - started))
  const look = { db, under, clock, searchPath }

  const functions = await listCalledFunctions(db, [...trees.values()])
  const sample = await takeSample(
    look,
    subject,
    [...subject.policies, ...after],
    [...trees.values()],
    changes.flatMap(({ now, old }) => (now === undefined ? [old] : [now, old])),
    functions,
    options.identities ?? [],
    (role) => questions.some((question) => question.concerns(role)),
    (role) => applyingTo(role, subject.policies) !== applyingTo(role, after),
  )
  const looping = await findRecursion(db, subject, after, trees)
  const atOnce = await findErrorsAtOnce(
    { ...look, clock: startClock(Math.max(clock.remainingMs() * 0.2, leastAtOnceMs)) },
    subject,
    structure,
    trees,
    [...strangers(sample.roles, structure), ...sample.askers],
    changedTrees(questions, changes, trees),
    'excuse',
  )
  const comparison = await compare(
    { ...look, clock: clock.part(0.6) },
    subject,
    questions,
    sample.askers,
    sample.rows,
  )
  const asked = questions.filter(isOpen)
  const tried = options.mostMutants === undefined ? asked : questions
  const mutants = await tryMutants(changesIn(tried, changes), sample, comparison, trees, {
    look,
    functions,
    subject,
    questions: tried,
    most: options.mostMutants ?? 60,
  })
  const certain = whatNoRowShows(changedPairs(unproven, after), trees, structure, functions)
  const reasons = [
    ...certain,
    ...(open.size === 0 ? [] : whatWasNotShown(asked, sample, comparison, mutants)),
  ]
  if (reasons.length > certain.length && (comparison.asked < comparison.of || clock.isOver())) {
    reasons.unshift(
      `the time ran out after ${budgetMs} ms with ${comparison.asked} of ${comparison.of} pairs asked: raise the option budgetMs in the migration, such as { budgetMs: ${Math.max(2 * budgetMs, 60_000)} }`,
    )
  }
  const differences = [...looping, ...atOnce, ...comparison.differences]
  const ms = Math.round(performance.now() - started)
  return {
    outcome: differences.length > 0 ? 'different' : reasons.length > 0 ? 'not shown' : 'equivalent',
    differences,
    reasons: differences.length > 0 ? [] : reasons,
    byStructure,
    coverage: {
      identities: sample.askers.map(({ identity }) => identity.label),
      rows: sample.rows.filter(({ isMadeUp }) => !isMadeUp).length,
      madeUpRows: sample.rows.filter(({ isMadeUp }) => isMadeUp).length,
      asked: comparison.asked,
      of: comparison.of,
      ms,
      budgetMs,
      isCutShort:
        differences.length === 0 &&
        (comparison.asked < comparison.of || (reasons.length > 0 && clock.isOver())),
    },
    mutants,
    notes: [...sample.notes, ...notesOn(questions, sample, comparison)],
  }
}

function emptyReport(budgetMs: number): EquivalenceReport {
  return {
    outcome: 'equivalent',
    differences: [],
    reasons: [],
    byStructure: true,
    coverage: { identities: [], rows: 0, madeUpRows: 0, asked: 0, of: 0, ms: 0, budgetMs, isCutShort: false },
    mutants: { made: 0, caught: 0, survivors: [] },
    notes: [],
  }
}

function sameTexts(before: Policy[], after: Policy[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after)
}

/** The names of the policies that apply to the role. */
function applyingTo(role: EndRole, policies: Policy[]): string {
  return JSON.stringify(policies.filter((policy) => appliesTo(policy, role)).map(({ name }) => name))
}

interface ChangedPredicate {
  old: string
  /** Undefined where the policy is dropped. */
  now: string | undefined
}

/** The predicates that change; a WITH CHECK that comes new is compared with the USING that it followed. */
function changedPairs(before: Policy[], after: Policy[]): ChangedPredicate[] {
  const pairs = before.flatMap((policy): ChangedPredicate[] => {
    const now = after.find(({ name }) => name === policy.name)
    const clauses = [
      { old: policy.using, now: now?.using },
      { old: policy.check ?? policy.using, now: now?.check ?? now?.using },
    ]
    return clauses.flatMap(({ old, now }) =>
      old === null || old === now ? [] : [{ old, now: now ?? undefined }],
    )
  })
  return unique(pairs)
}

/** Whether structure proves the policy's rewrite, or a twin of it stays where it is dropped. */
function isProven(policy: Policy, after: Policy[], trees: Map<string, Node>, structure: Structure): boolean {
  const now = after.find(({ name }) => name === policy.name)
  return isSameStructure([policy], now ? [now] : after, trees, structure)
}

/** The changed predicates that one of the questions asks. */
function changesIn(questions: Question[], changes: ChangedPredicate[]): ChangedPredicate[] {
  return changes.filter(({ old }) =>
    questions.some((question) => question.policy === undefined || question.predicates(nobody).includes(old)),
  )
}

/** What is wrong with a rewrite although every row that is there may pass as before. */
function whatNoRowShows(
  changes: ChangedPredicate[],
  trees: Map<string, Node>,
  structure: Structure,
  functions: CalledFunction[],
): string[] {
  const reasons = changes.flatMap(({ old, now }) => {
    const [before, after] = [trees.get(old), now === undefined ? undefined : trees.get(now)]
    return [
      ...(before && after ? lostChoices(before, after, functions, structure.findsOneAtMost) : []).map(
        (clause) =>
          `a ${clause} that chooses among rows is no longer there, and rows cannot show that it never matters; leave the query as it is`,
      ),
      ...structure
        .movedVolatile(before, after)
        .map(
          ({ name, why }) =>
            `${name}() is VOLATILE and would not be called where and as often as before; leave the call as it is: ${why}`,
        ),
      ...structure
        .newErrors(before, after)
        .map(
          (what) => `a part that is evaluated at once may end with an error that nobody meets today: ${what}`,
        ),
    ]
  })
  return [...new Set(reasons)]
}

/** The predicates that change, with the roles that meet them. */
function changedTrees(
  questions: Question[],
  changes: ChangedPredicate[],
  trees: Map<string, Node>,
): ChangedTree[] {
  return changes.flatMap(({ old, now }) => {
    const [before, after] = [trees.get(old), now === undefined ? undefined : trees.get(now)]
    if (!before || !after) return []
    const asking = questions.filter((question) => question.predicates(nobody).includes(old))
    const [first] = asking
    const concerns = (role: EndRole) =>
      asking.length === 0 || asking.some((question) => question.concerns(role))
    return [{ label: first?.label ?? 'a policy', concerns, old: before, now: after }]
  })
}

interface MutantTrial {
  look: Look
  functions: CalledFunction[]
  subject: Subject
  questions: Question[]
  most: number
}

async function tryMutants(
  changes: ChangedPredicate[],
  sample: Sample,
  { outcomes, differences }: Comparison,
  trees: Map<string, Node>,
  { look, functions, subject, questions, most }: MutantTrial,
): Promise<MutationScore> {
  // A difference says it all.
  if (differences.length > 0) return { made: 0, caught: 0, survivors: [] }
  const frozen = await asConstants(sample.steady)
  const context = {
    table: subject.table.name,
    columns: subject.columns,
    others: sample.others,
    functions,
    frozen,
  }
  const wrongs: WrongPredicate[] = []
  for (const right of new Set(changes.flatMap(({ now }) => now ?? []))) {
    const tree = trees.get(right)
    if (!tree || look.clock.isOver()) continue
    const mutants = mutantsOf(tree, context, { most, clock: look.clock.part(0.4) })
    wrongs.push(...mutants.map(({ text, change }) => ({ right, wrong: text, change })))
  }
  return scoreMutants(look, subject, questions, sample.askers, sample.rows, outcomes, wrongs)
}

/** Why nothing follows from seeing no difference. */
function whatWasNotShown(
  questions: Question[],
  { askers, rows }: Sample,
  comparison: Comparison,
  mutants: MutationScore,
): string[] {
  const reasons = comparison.unsteady
    .filter((label) => questions.some((each) => each.label === label))
    .map((label) => `${label}: the answer changes from one call to the next; leave the predicate as it is`)
  for (const question of questions) {
    const seen = answersSeen(question, askers, rows, comparison)
    if (seen.has('true') && seen.has('false')) continue
    const was = [...seen].filter((each) => each !== 'undefined')
    reasons.push(
      was.length === 0
        ? `${question.label}: nobody could be asked; name an identity with the option identities, or raise budgetMs`
        : `${question.label}: seen only ${was.join(' and ')} for everybody who was asked; name an identity for whom it is ${seen.has('true') ? 'false' : 'true'} with the option identities`,
    )
  }
  if (reasons.length === 0 && mutants.caught < leastCaught * mutants.made) {
    reasons.push(
      `only ${mutants.caught} of ${mutants.made} wrong predicates would have been noticed (not: ${mutants.survivors.slice(0, 3).join('; ')}); add identities or rows that tell them apart`,
    )
  }
  if (reasons.length === 0 && mutants.made === 0)
    reasons.push('no wrong predicate could be tried, so nothing tells whether a mistake would be noticed')
  return reasons
}

function answersSeen(
  question: Question,
  askers: Asker[],
  rows: Row[],
  { outcomes }: Comparison,
): Set<string> {
  const seen = new Set<string>()
  for (const { identity, role } of askers) {
    if (!question.concerns(role)) continue
    for (const row of rows) {
      const ask = (predicate: string) => outcomes.of(identity, predicate, row)
      seen.add(String(question.before(role, ask)))
    }
  }
  return seen
}

/** What was so before and is no matter of the rewrite, and what could not be seen. */
function notesOn(questions: Question[], { askers, rows }: Sample, comparison: Comparison): string[] {
  return questions.flatMap((question) => {
    const seen = [...answersSeen(question, askers, rows, comparison)]
    const errors = seen.filter((each) => !['true', 'false', 'undefined'].includes(each))
    return [
      ...errors.map((code) => `${question.label}: gives the error ${code} for some, before as after`),
      ...(seen.includes('true') && seen.includes('false')
        ? []
        : [`${question.label}: was not seen both true and false`]),
    ]
  })
}
