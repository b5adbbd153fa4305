import type { ClientBase } from 'pg'
import type { Advice, AdvisedIndex } from '../advisor/advise.ts'
import { advise } from '../advisor/advise.ts'
import type { Need } from '../advisor/needs.ts'
import type { NewExtension } from '../advisor/newExtensions.ts'
import { definedOn } from '../catalog/indexDefinitions.ts'
import { readOnce } from '../catalog/reader.ts'
import { listRelationNames, namesBySchema } from '../catalog/relationNames.ts'
import { createExtension } from '../operations/createExtension.ts'
import { createIndex } from '../operations/createIndex.ts'
import type { Operation, OperationKind } from '../operations/operation.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import type { IndexToBuild } from '../shadow/planner/openPlanner.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { estimated, measured, migration } from '../rules/remedies.ts'
import type { IgnoreEntry } from '../rules/ignoreFile.ts'
import { sift } from '../rules/ignoreFile.ts'
import type { Finding } from '../rules/rule.ts'
import type { RuleName } from '../rules/ruleNames.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { withAdvisedDrops } from './adviceDrops.ts'
import type { Choice } from './chooseOperations.ts'
import { skip } from './chooseOperations.ts'
import type { PendingMigration } from './pendingMigrations.ts'
import { findPending } from './pendingMigrations.ts'

export interface Workload {
  statements: WorkloadStatement[]
  /** Bytes that new indexes may take together. */
  budget?: number
  /** There are no other statements than these: an index that none of them needs may go. */
  complete?: boolean
}

/** Which drops are wanted at all; all of them by default. */
export interface WantedDrops {
  rules?: readonly RuleName[]
  schemas?: readonly string[]
  ignore?: IgnoreEntry[]
}

/** Of what needs no index built. An extension or a role's setting need not exist in the shadow. */
const changesPlans: OperationKind[] = [
  'alterPolicies',
  'createClaimHelper',
  'createKeyHelper',
  'dropDuplicatePolicy',
]

/**
 * Adds to a choice the indexes that a workload wants once the rest of it is applied. An index that a rule wants is left
 * out where an advised one serves it.
 */
export async function withAdvice(
  client: ClientBase,
  choice: Choice,
  { statements, budget, complete = false, rules, schemas, ignore = [] }: Workload & WantedDrops,
  pending: PendingMigration[],
  onStep?: (text: string) => void,
): Promise<{ choice: Choice; advice: Advice }> {
  const rewrites = choice.operations.filter(({ kind }) => changesPlans.includes(kind))
  const required = new Set(
    choice.operations.flatMap(({ requires = [] }) => requires.flatMap(({ ids }) => ids)),
  )
  // Of two that do the same work, the advice sees the one that stays; all other drops are its own decision.
  const isDone = (rule: string): boolean =>
    rule === 'duplicate_index' || (rule === 'redundant_index' && !complete)
  const isRequired = ({ ids }: Operation): boolean => ids.some((id) => required.has(id))
  const needs = new Map(
    choice.operations.flatMap((operation) => {
      const need = isRequired(operation) ? undefined : needOf(operation)
      return need ? [[operation, need] as const] : []
    }),
  )
  const advice = await advise(client, statements, {
    ...(budget === undefined ? {} : { budget }),
    ...(onStep ? { onStep } : {}),
    // A policy's new predicate names these among its conditions.
    given: choice.operations.filter((each) => each.kind === 'createIndex' && isRequired(each)).map(toBuild),
    needs: [...needs.values()],
    complete,
    dropping: choice.operations.filter(({ kind, rule }) => kind === 'dropIndex' && isDone(rule)).map(dropped),
    prepare: async (shadow) => {
      for (const sql of rewrites.flatMap(({ up }) => up)) await shadow.query(sql)
    },
  })
  const taken = namesBySchema(await readOnly(client, () => readOnce(borrow(client))(listRelationNames)))
  const skipped = [...choice.skipped]
  const left = new Map(
    Array.from(needs, ([operation, need]) => [operation, whyLeft(need, advice)] as const).filter(
      (entry): entry is readonly [Operation, string] => entry[1] !== undefined,
    ),
  )
  const cures = choice.cures.flatMap((cure) => {
    const operations = cure.operations.filter((operation) => !left.has(operation))
    if (operations.length > 0) return [{ ...cure, operations }]
    skipped.push(skip(cure.finding, left.get(cure.operations[0] as Operation) ?? ''))
    return []
  })
  const builds = new Map<AdvisedIndex, Operation>()
  // What meets a need and serves no statement is the rule's own index.
  for (const advised of advice.indexes.filter(({ serves }) => serves.length > 0)) {
    const { finding, operation } = findingOf(advised, taken.get(advised.index.schema) ?? new Set())
    const name = findPending(operation, pending)
    const first = (operation.requires ?? []).filter((each) => findPending(each, pending) === undefined)
    if (name === undefined) {
      cures.push({ finding, operations: [...first, operation] })
      builds.set(advised, operation)
    } else skipped.push(skip(finding, `the pending migration ${name} does it`))
  }
  const kept = choice.operations.filter((operation) => !left.has(operation))
  const all = [...kept, ...cures.flatMap((cure) => cure.operations)]
  const neededIds = new Set(all.flatMap(({ requires = [] }) => requires.flatMap(({ ids }) => ids)))
  const first = all.filter(({ ids }) => ids.some((id) => neededIds.has(id)))
  const operations = [...new Set([...first, ...all])]
  const isWanted = (finding: Finding): boolean =>
    (rules?.includes(finding.rule) ?? true) &&
    (schemas?.includes(finding.subject[0] ?? '') ?? true) &&
    sift(ignore, [finding], new Date()).kept.length > 0
  const settled = await withAdvisedDrops(
    client,
    { operations, cures, skipped },
    { advice, builds, pending, isWanted },
  )
  return { choice: settled, advice }
}

function dropped({ before }: Operation): RelationName {
  const [index] = before.find(({ condition }) => condition === 'indexIs')?.args ?? []
  return index as RelationName
}

/** The need that an operation of a rule meets: an index of columns, for a foreign key or a policy. */
function needOf({ kind, on, calls = {}, title }: Operation): Need | undefined {
  const [schema, name] = on
  const [, columns] = Object.values(calls).find(({ method }) => method === 'createIndex')?.args ?? []
  if (kind !== 'createIndex' || schema === undefined || name === undefined || !Array.isArray(columns))
    return undefined
  return { table: { schema, name }, columns: columns as string[], why: title }
}

/** Why the rule's own index is not built; undefined where it is. */
function whyLeft(need: Need, { indexes, unmet }: Advice): string | undefined {
  if (unmet.includes(need)) return 'the budget has no room for it'
  const meeting = indexes.filter(({ needs }) => needs.includes(need))
  if (meeting.length === 0) return 'an index that a policy needs serves it too'
  const serving = meeting.find(({ serves }) => serves.length > 0)
  return serving ? 'an index that the workload wants serves it too' : undefined
}

function toBuild({ on, before, up }: Operation): IndexToBuild {
  const [index] = before.find(({ condition }) => condition === 'indexIsAbsent')?.args ?? []
  const { name } = index as RelationName
  return { schema: on[0] ?? '', name, sql: (up[0] ?? '').replace(' CONCURRENTLY', '') }
}

function findingOf(
  { candidate, index, serves: served, extension }: AdvisedIndex,
  takenNames: Set<string>,
): { finding: Finding; operation: Operation } {
  const { table, keys, predicate } = candidate
  const definition = definedOn(index)
  const byGain = served.toSorted((a, b) => gainOf(b) - gainOf(a))
  const create = createIndex({
    table,
    on: {
      definition,
      words: [...keys, ...(predicate === undefined ? [] : ['partial'])],
    },
    takenNames,
    rule: 'missing_index',
    why: `${byGain.length === 1 ? 'A statement' : `${byGain.length} statements`} of the workload wants it, by the planner's cost: ${byGain
      .slice(0, 3)
      .map(
        ({ statement, costBefore, costAfter }) =>
          `${statement.name} ${round(costBefore)} -> ${round(costAfter)}`,
      )
      .join(', ')}${byGain.length > 3 ? ', ...' : ''}.`,
  })
  const sum = (cost: 'costBefore' | 'costAfter'): number =>
    byGain.reduce((all, each) => all + each.statement.calls * each[cost], 0)
  const operation = {
    ...create,
    ...(byGain.length > 0 ? { gain: { costBefore: sum('costBefore'), costAfter: sum('costAfter') } } : {}),
    ...(extension ? { requires: [installed(extension)] } : {}),
  }
  const name = operation.title.replace(/^create-/, '')
  return {
    operation,
    finding: {
      rule: 'missing_index',
      level: 'warn',
      subject: [table.schema, table.name, name],
      detail: `The workload wants an index of ${display(table)} ${definition}.`,
      evidence: [
        measured('statements', byGain.length),
        estimated('size', index.sizeBytes, 'bytes'),
        estimated('cost saved', Math.round(byGain.reduce((sum, each) => sum + gainOf(each), 0))),
      ],
      remedy: migration(operation),
    },
  }
}

function installed({ name, schema }: NewExtension): Operation {
  return createExtension(name, schema, {
    rule: 'missing_index',
    why: 'An index that the workload wants finds parts of words, which no built-in operator class does.',
  })
}

function gainOf({ statement, costBefore, costAfter }: AdvisedIndex['serves'][number]): number {
  return statement.calls * (costBefore - costAfter)
}

const round = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 })
