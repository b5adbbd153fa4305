import type { ClientBase } from 'pg'
import { borrow } from '../postgres/database.ts'
import type { Gain } from '../conditions/condition.ts'
import { display } from '../postgres/identifiers.ts'
import { listRelationSizes } from '../catalog/relationSizes.ts'
import type { RelationSize } from '../catalog/relationSizes.ts'
import type { NotCopied } from '../shadow/notCopied.ts'
import type { LockMode } from '../shadow/locks.ts'
import { relationsIn } from '../syntax/relations.ts'
import { findBatchTemplate } from './batched.ts'
import { checkConditions } from './checkConditions.ts'
import type { MigrationStatus } from './history.ts'
import { compareHistory } from './history.ts'
import type { CheckedCondition, Migration } from './migration.ts'
import type { Proof } from './prove.ts'
import { toProof } from './prove.ts'
import { readHistory } from './readHistory.ts'
import type { Rehearsal } from './rehearsal.ts'
import { onStage, rehearse, togetherInSeries } from './rehearsal.ts'
import { defaultRunOptions } from './runOptions.ts'
import type { Script } from './script.ts'
import { inReadOnlyTransaction, readScript } from './script.ts'
import type { Target } from './target.ts'
import { selectPending } from './target.ts'

/** A lock that a statement took in the shadow. */
export interface PlannedLock {
  direction: 'up' | 'down'
  /** Position of the statement in that direction, counted from 1. */
  statement: number
  relation: string
  mode: LockMode
  /** What other sessions cannot do meanwhile. */
  blocks: string
  /** How long the statement took in the shadow, which has no rows, in milliseconds. */
  ms: number
}

/** A statement that runs in batches over a key. */
export interface PlannedBatches {
  direction: 'up' | 'down'
  /** Position of the statement in that direction, counted from 1. */
  statement: number
  table: string
  key: string[]
  /** As its author wrote it, with `{batch}`. */
  sql: string
}

/** What a reviewer should know about one pending migration. */
export interface PlannedMigration {
  name: string
  why: string
  rule: string
  /** What it is expected to bring, where the file has a figure. */
  gain: Gain | null
  transactional: boolean
  sql: { up: string[]; down: string[] }
  locks: PlannedLock[]
  /** Empty for a migration in one transaction, which runs such statements in one piece. */
  batches: PlannedBatches[]
  /** Every condition with its present result. One that an earlier pending migration will fulfil may not hold yet. */
  conditions: CheckedCondition[]
  reversible: boolean
  proven: boolean
  reason?: string
  difference?: string[]
  objects: RelationSize[]
  /** What is left behind if it fails. */
  ifItFails: string
  /** The limits within which it runs. */
  guards: string[]
}

export interface Plan {
  migrations: PlannedMigration[]
  drift: MigrationStatus[]
  notCopied: NotCopied[]
}

/**
 * Everything that the pending migrations would do, for a reviewer. The database is only read, in read-only transactions;
 * statements run in the shadow.
 */
export async function plan(
  migrations: Migration[],
  target: Target,
  source: ClientBase,
  options: { onProgress?: (name: string) => void; signal?: AbortSignal } = {},
): Promise<Plan> {
  const statuses = compareHistory(migrations, (await readHistory(source, migrations)).rows)
  const drift = statuses.filter(
    ({ state, outOfOrder }) => state === 'changed' || state === 'missing' || outOfOrder === true,
  )
  const pending = selectPending(migrations, statuses, target)
  if (pending.length === 0) return { migrations: [], drift, notCopied: [] }
  return onStage(source, async (stage) => {
    const planned: PlannedMigration[] = []
    for (const group of togetherInSeries(pending)) {
      options.signal?.throwIfAborted()
      options.onProgress?.(group.map(({ name }) => name).join(', '))
      const rehearsals = await rehearse(stage, group)
      for (const [at, migration] of group.entries()) {
        planned.push(await planOne(migration, source, rehearsals[at] as Rehearsal))
      }
    }
    return { migrations: planned, drift, notCopied: stage.shadow.notCopied }
  })
}

async function planOne(
  migration: Migration,
  source: ClientBase,
  rehearsal: Rehearsal,
): Promise<PlannedMigration> {
  const session = { client: source, statementTimeoutMs: defaultRunOptions.statementTimeoutMs }
  const up = await readScript(migration, 'up', session)
  const down = await readScript(migration, 'down', session)
  const touched = up.statements.flatMap(({ node }) => relationsIn(node))
  const { conditions, objects } = await inReadOnlyTransaction(session, async () => ({
    conditions: [
      ...(await checkConditions(source, migration.optimization?.before ?? [], 'before')),
      ...(await checkConditions(source, migration.optimization?.after ?? [], 'after')),
    ],
    objects: await listRelationSizes(borrow(source), touched),
  }))
  const { proven, reversible, reason, difference }: Proof = toProof(rehearsal)
  return {
    name: migration.name,
    why: migration.optimization?.why ?? 'The file does not say.',
    rule: migration.optimization?.rule ?? '',
    gain: migration.optimization?.gain ?? null,
    transactional: up.transactional,
    sql: { up: up.statements.map(({ sql }) => sql), down: down.statements.map(({ sql }) => sql) },
    locks: [...locksOf(rehearsal, 'up'), ...locksOf(rehearsal, 'down')],
    batches: [...batchesIn(up, 'up'), ...batchesIn(down, 'down')],
    conditions,
    reversible,
    proven,
    ...(reason === undefined ? {} : { reason }),
    ...(difference === undefined ? {} : { difference }),
    objects,
    ifItFails: up.transactional ? transactionalFailure : stepByStepFailure,
    guards: guardsOf(up.transactional),
  }
}

const transactionalFailure =
  'It runs in one transaction with its conditions and its ledger row. If anything fails, everything is rolled back.'
const stepByStepFailure =
  'Its intent is in the ledger before the first statement. After a failure, whatever was absent before is dropped again, invalid indexes too. After a kill, the next `up` finds the intent and goes on.'

/** The limits that keep it from blocking traffic or running for ever, with the defaults of `migrate up`. */
function guardsOf(transactional: boolean): string[] {
  const { lockTimeoutMs, lockBudgetMs, statementTimeoutMs, conditionTimeoutMs } = defaultRunOptions
  const seconds = (ms: number) => `${ms / 1_000} s`
  return [
    `waits for a lock at most ${seconds(lockTimeoutMs)} in one try (--lock-timeout), so nobody waits longer behind it`,
    transactional
      ? `then rolls back, pauses and tries again for ${seconds(lockBudgetMs)} (--lock-budget), and ends with 3 after`
      : `tries again for ${seconds(lockBudgetMs)} (--lock-budget), and ends with 3 after; a concurrent build waits for old transactions without blocking anybody, as long as it takes (--build-timeout)`,
    `a statement may take ${seconds(statementTimeoutMs)} (--statement-timeout), a condition ${seconds(conditionTimeoutMs)} (--condition-timeout)`,
    'one run at a time; a changed, missing or late file, a standby and a transaction pooler are refused',
  ]
}

function batchesIn({ statements, transactional }: Script, direction: 'up' | 'down'): PlannedBatches[] {
  if (transactional) return []
  return statements.flatMap(({ sql }, index) => {
    const template = findBatchTemplate(sql)
    if (!template) return []
    const { walk, text } = template
    return [{ direction, statement: index + 1, table: display(walk.table), key: walk.key, sql: text }]
  })
}

function locksOf(rehearsal: Rehearsal, direction: 'up' | 'down'): PlannedLock[] {
  return rehearsal[direction].flatMap(({ locks, ms }, index) =>
    locks.map(({ relation, mode, blocks }) => ({
      direction,
      statement: index + 1,
      relation: display(relation),
      mode,
      blocks,
      ms: Number(ms.toFixed(1)),
    })),
  )
}
