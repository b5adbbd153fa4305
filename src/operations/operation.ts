import { createHash } from 'node:crypto'
import type { Condition } from '../conditions/condition.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import type { PolicyPredicates } from '../catalog/policies.ts'

/**
 * A migration as data, before it is a file. `up` and `down` are SQL, one statement each, written so that they
 * mean the same under any `search_path`.
 */
export interface Operation {
  kind: OperationKind
  /**
   * What it does, as a name that stays the same from run to run: see `workId`. A file carries the ids of its operations, and
   * what a file that has not run yet carries is not made again. One for each policy that an operation alters.
   */
  ids: string[]
  /** The object with whose other changes it is reviewed: `[schema, table]`, `[schema]`, or `[]` for the server. */
  on: string[]
  /** A verb and an object, which name the file: `create-bookings-customer-id-idx`. */
  title: string
  /** The rule whose finding it cures. */
  rule: string
  /** For the reviewer: what is slow, the evidence, and why this cures it. */
  why: string
  up: string[]
  down: string[]
  /** Calls of node-pg-migrate's builder, by the statement that each is meant to make; a file has those that do. */
  calls?: Record<string, BuilderCall>
  before: ConditionCall[]
  after: ConditionCall[]
  /** Why the statements cannot run inside a transaction; absent where they can, which is the safer way. */
  noTransaction?: string
  /** Operations whose migrations have to come first. */
  requires?: Operation[]
  /**
   * Set where the operation alters policies and their new predicates are still in our words. They go into a file
   * as PostgreSQL prints them: see `settlePolicies`.
   */
  altersPolicies?: AlterPolicies
}

/** Why it is made. */
export type Reason = Pick<Operation, 'rule' | 'why'>

export type OperationKind =
  | 'alterPolicies'
  | 'alterRoleSetting'
  | 'createExtension'
  | 'createIndex'
  | 'createKeyHelper'
  | 'createStatistics'
  | 'dropDuplicatePolicy'
  | 'dropIndex'
  | 'enableRowSecurity'
  | 'narrowIndex'
  | 'primaryKeyFromIndex'
  | 'setFunctionSearchPath'
  | 'setStorageParameters'
  | 'validateConstraint'
  | 'widenSequence'

/**
 * `workId('dropIndex', 'public', 'a_b_idx')` -> `dropIndex-4cb21a0f59d6a4f7`. Two operations with one id do the same, whatever
 * their reasons.
 *
 * @param what everything by which one work differs from another of its kind: names, and the state that it ends
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
  /** What must hold beside: functions that the new predicates call, indexes that they reckon with. */
  needs: ConditionCall[]
  /** Operations that make these. */
  requires: Operation[]
  /** Its proof has to be tried before it is written; that of a wrapped `auth.uid()` need not. */
  needsTrial?: true
  /** What showed on rows that the same ones pass, where structure does not prove it. */
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
