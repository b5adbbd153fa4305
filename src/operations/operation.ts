import { createHash } from 'node:crypto'
import type { Condition, Gain } from '../conditions/condition.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import type { PolicyPredicates } from '../catalog/policies.ts'

/**
 * A migration as data, before it is a file. `up` and `down` are SQL, one statement each, written so that they
 * mean the same under any `search_path`.
 */
export interface Operation {
  kind: OperationKind
  /**
   * Ids of what it does, the same in every run: see `workId`. A file carries the ids of its operations; what a pending
   * file carries is not written again. An operation that alters policies has an id for each policy.
   */
  ids: string[]
  /** The object whose changes are reviewed together: `[schema, table]`, `[schema]`, or `[]` for the server. */
  on: string[]
  /** A verb and an object, which name the file: `create-bookings-customer-id-idx`. */
  title: string
  /** The rule whose finding it fixes. */
  rule: string
  /** For the reviewer: what is slow, the evidence, and why this fixes it. */
  why: string
  up: string[]
  down: string[]
  /** Calls of node-pg-migrate's builder, by the statement that each should make; a file has the calls that do. */
  calls?: Record<string, BuilderCall>
  /** What runs in batches, by the statement that does it in one piece; a file has `batched(pgm, ...)` for it. */
  batches?: Record<string, BatchedWork>
  before: ConditionCall[]
  after: ConditionCall[]
  /** Why the statements cannot run inside a transaction; absent where they can, which is the safer way. */
  noTransaction?: string
  /** What it is expected to bring, where there is a figure. */
  gain?: Gain
  /** The series that it belongs to: see `Optimization`. */
  series?: string
  /** Operations whose migrations have to come first. */
  requires?: Operation[]
  /**
   * Set if the operation alters policies and PostgreSQL has not printed their new predicates yet. A file has them as
   * PostgreSQL prints them: see `settlePolicies`.
   */
  altersPolicies?: AlterPolicies
}

/** Why it is made. */
export type Reason = Pick<Operation, 'rule' | 'why'>

export type OperationKind =
  | 'alterPolicies'
  | 'alterRoleSetting'
  | 'alterSettingHere'
  | 'announceChanges'
  | 'createCacheOutbox'
  | 'createClaimHelper'
  | 'createExtension'
  | 'createIndex'
  | 'createKeyHelper'
  | 'createStatistics'
  | 'dropDuplicatePolicy'
  | 'dropForeignKey'
  | 'dropIndex'
  | 'enableRowSecurity'
  | 'narrowIndex'
  | 'partitionTable'
  | 'primaryKeyFromIndex'
  | 'scheduleJobs'
  | 'setFunctionSearchPath'
  | 'setFunctionVolatility'
  | 'setStorageParameters'
  | 'validateConstraint'
  | 'widenSequence'

/**
 * `workId('dropIndex', 'public', 'a_b_idx')` -> `dropIndex-4cb21a0f59d6a4f7`. Two operations with one id do the same, whatever
 * their reasons.
 *
 * @param what everything that distinguishes it from others of its kind: names, and the state that it changes
 */
export function workId(kind: OperationKind, ...what: unknown[]): string {
  return `${kind}-${createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 16)}`
}

/** The beginning of an operation that does one work. */
export function work(kind: OperationKind, ...what: unknown[]): Pick<Operation, 'kind' | 'ids'> {
  return { kind, ids: [workId(kind, ...what)] }
}

/** What an operation that alters policies of one table is made of. */
export interface AlterPolicies {
  table: RelationName
  rule: string
  why: string
  alterations: PolicyAlteration[]
}

/** A policy whose predicates change; its command, kind and roles stay. */
export interface PolicyAlteration {
  policy: string
  before: PolicyPredicates
  after: PolicyPredicates
  /** Further conditions, about functions that the new predicates call and indexes that they rely on. */
  needs: ConditionCall[]
  /** Operations that create these functions and indexes. */
  requires: Operation[]
  /** Tables whose policies are rewritten first: until then, the new predicate would be slower. */
  follows?: RelationName[]
  /** Its proof must be tried before it is written; that of a wrapped `auth.uid()` need not be. */
  needsTrial?: true
  /** What was compared to show, on rows, that the same rows pass, if structure does not prove it. */
  shownOnRows?: string
}

/** A condition as a migration file writes it: the name of a function that `hundredfold` exports, and its arguments. */
export interface ConditionCall {
  condition: string
  /** JSON values; `undefined` is left out where it comes last or stands in an object. */
  args: unknown[]
}

/** A method of node-pg-migrate's `pgm`, and its arguments as JSON values. */
export interface BuilderCall {
  method:
    | 'alterPolicy'
    | 'alterTable'
    | 'createExtension'
    | 'createIndex'
    | 'dropExtension'
    | 'dropIndex'
    | 'dropPolicy'
  args: unknown[]
}

/** A statement that the runner repeats over the key of a table, as `batched` takes it. */
export interface BatchedWork {
  table: RelationName
  key: string[]
  /** The table's alias in the statement. */
  as?: string
  /** With `{batch}` for the condition on the key. */
  sql: string
  /** Sessions that work at once; one by default. */
  workers?: number
}

/**
 * `condition(indexIsAbsent, index)` -> `indexIsAbsent({ schema: 'public', name: 'a_b_idx' })` in the file.
 * Only functions that `src/index.ts` exports can be called from there.
 */
export function condition<Args extends unknown[]>(
  make: (...args: Args) => Condition,
  ...args: Args
): ConditionCall {
  return { condition: make.name, args }
}
