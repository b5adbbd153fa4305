import type { ClientBase } from 'pg'
import type { Advice, AdvisedIndex } from '../advisor/advise.ts'
import { advise } from '../advisor/advise.ts'
import { definitionOn } from '../advisor/candidates.ts'
import { readOnce } from '../catalog/reader.ts'
import { listRelationNames, namesBySchema } from '../catalog/relationNames.ts'
import { createIndex } from '../operations/createIndex.ts'
import type { Operation, OperationKind } from '../operations/operation.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, quote } from '../postgres/identifiers.ts'
import type { IndexToBuild } from '../shadow/planner/openPlanner.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { estimated, measured, migration } from '../rules/remedies.ts'
import type { Finding } from '../rules/rule.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Choice } from './chooseOperations.ts'
import { skip } from './chooseOperations.ts'
import type { PendingMigration } from './pendingMigrations.ts'
import { findPending } from './pendingMigrations.ts'

export interface Workload {
  statements: WorkloadStatement[]
  /** Bytes that new indexes may take together. */
  budget?: number
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
  { statements, budget }: Workload,
  pending: PendingMigration[],
  onStep?: (text: string) => void,
): Promise<{ choice: Choice; advice: Advice }> {
  const rewrites = choice.operations.filter(({ kind }) => changesPlans.includes(kind))
  const required = new Set(
    choice.operations.flatMap(({ requires = [] }) => requires.flatMap(({ ids }) => ids)),
  )
  const isRequired = ({ ids }: Operation): boolean => ids.some((id) => required.has(id))
  const advice = await advise(client, statements, {
    ...(budget === undefined ? {} : { budget }),
    ...(onStep ? { onStep } : {}),
    // A policy's new predicate names these among its conditions.
    given: choice.operations.filter((each) => each.kind === 'createIndex' && isRequired(each)).map(toBuild),
    prepare: async (shadow) => {
      for (const sql of rewrites.flatMap(({ up }) => up)) await shadow.query(sql)
    },
  })
  const taken = namesBySchema(await readOnly(client, () => readOnce(borrow(client))(listRelationNames)))
  const skipped = [...choice.skipped]
  const isServed = (operation: Operation): boolean =>
    !isRequired(operation) && advice.indexes.some((advised) => serves(advised, operation))
  const cures = choice.cures.flatMap((cure) => {
    const operations = cure.operations.filter((operation) => !isServed(operation))
    if (operations.length > 0) return [{ ...cure, operations }]
    skipped.push(skip(cure.finding, 'an index that the workload wants serves it too'))
    return []
  })
  for (const advised of advice.indexes) {
    const { finding, operation } = findingOf(advised, taken.get(advised.index.schema) ?? new Set())
    const name = findPending(operation, pending)
    if (name === undefined) cures.push({ finding, operations: [operation] })
    else skipped.push(skip(finding, `the pending migration ${name} does it`))
  }
  const kept = choice.operations.filter((operation) => !isServed(operation))
  const operations = [...new Set([...kept, ...cures.flatMap((cure) => cure.operations)])]
  return { choice: { operations, cures, skipped }, advice }
}

function toBuild({ on, before, up }: Operation): IndexToBuild {
  const [index] = before.find(({ condition }) => condition === 'indexIsAbsent')?.args ?? []
  const { name } = index as RelationName
  return { schema: on[0] ?? '', name, sql: (up[0] ?? '').replace(' CONCURRENTLY', '') }
}

/** Whether the operation builds an index whose columns the advised one begins with. */
function serves({ candidate }: AdvisedIndex, { kind, on, calls = {} }: Operation): boolean {
  if (kind !== 'createIndex' || candidate.method !== 'btree' || candidate.predicate !== undefined)
    return false
  if (on[0] !== candidate.table.schema || on[1] !== candidate.table.name) return false
  const [, columns] = Object.values(calls).find(({ method }) => method === 'createIndex')?.args ?? []
  if (!Array.isArray(columns)) return false
  const keys = candidate.keys.map((key) => key.replace(/ (?:DESC|NULLS).*$/, ''))
  return columns.every((column: string, at) => keys[at] === column || keys[at] === quote(column))
}

function findingOf(
  { candidate, index, serves: served }: AdvisedIndex,
  takenNames: Set<string>,
): { finding: Finding; operation: Operation } {
  const { table, keys, predicate } = candidate
  const byGain = served.toSorted((a, b) => gainOf(b) - gainOf(a))
  const operation = createIndex({
    table,
    on: {
      definition: definitionOn(candidate),
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
  const name = operation.title.replace(/^create-/, '')
  return {
    operation,
    finding: {
      rule: 'missing_index',
      level: 'warn',
      subject: [table.schema, table.name, name],
      detail: `The workload wants an index of ${display(table)} ${definitionOn(candidate)}.`,
      evidence: [
        measured('statements', byGain.length),
        estimated('size', index.sizeBytes, 'bytes'),
        estimated('cost saved', Math.round(byGain.reduce((sum, each) => sum + gainOf(each), 0))),
      ],
      remedy: migration(operation),
    },
  }
}

function gainOf({ statement, costBefore, costAfter }: AdvisedIndex['serves'][number]): number {
  return statement.calls * (costBefore - costAfter)
}

const round = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 })
