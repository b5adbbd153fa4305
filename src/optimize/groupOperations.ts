import { groupBy } from '../groupBy.ts'
import type { BuilderCall, Operation, OperationKind } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import { unique } from '../unique.ts'
import type { RankOf } from './orderGroups.ts'
import { orderGroups } from './orderGroups.ts'

/** What one file holds: operations that are reviewed, run and taken back together. */
export interface Group {
  operations: Operation[]
  /** All of them as one. */
  operation: Operation
}

/** Up to this many files are reviewed one by one; if there are more, those of a rule are merged. */
const readable = 60

/** How many files somebody wants to read who asks for so many actions only. */
export function readableFor(limit: number): number {
  return Math.min(readable, Math.max(20, 2 * limit))
}

/** The most statements of a file for several tables, unless `readable` files could not hold everything. */
const statementsAtFirst = 10

/** Changes of one rule to one table stay together; functions of a schema are split, at first into files of this many. */
const ofOneSchema = 50

/**
 * Puts into one file what is reviewed together: the changes of one rule to one table. If that makes too many files to
 * read, a file covers several tables: ten statements at first, and ten more each time until there are few enough files.
 *
 * 544 tables with 3,000 findings -> at most 60 files, or one for each rule and kind where those are more.
 *
 * Tables and files are in the order of `rankOf`, and without it in the given one. Operations that others require get
 * files of their own, before these.
 */
export function groupOperations(operations: Operation[], rankOf?: RankOf, most = readable): Group[] {
  const places = new Map(operations.map((operation, at) => [operation, at]))
  const rank = rankOf ?? ((operation: Operation) => places.get(operation) ?? 0)
  const series = seriesOf(operations)
  for (let size = 0; ; size += statementsAtFirst) {
    const groups = series.flatMap((each) => cut(each, size, rank))
    if (groups.length <= most || groups.length === series.length)
      return orderGroups(numbered(groups.map(merge)), rank)
  }
}

/** Series of operations that may share a file, in the order of the first of each. */
function seriesOf(operations: Operation[]): Operation[][] {
  const required = new Set(operations.flatMap(({ requires = [] }) => requires.flatMap(({ ids }) => ids)))
  const series = groupBy(operations, ({ kind, rule, ids, noTransaction }) =>
    JSON.stringify([ids.some((id) => required.has(id)), kind, rule, noTransaction]),
  )
  return [...series.values()]
}

/** Cuts a series between tables, so that no part of several tables has more statements than `size`. */
function cut(series: Operation[], size: number, rankOf: RankOf): Operation[][] {
  const objects = groupBy(series, ({ on }) => JSON.stringify(on))
  const ranks = new Map(Array.from(objects.values(), (each) => [each, Math.min(...each.map(rankOf))]))
  const byRank = [...objects.values()].toSorted(
    (a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0) || compare(nameOf(a[0]), nameOf(b[0])),
  )
  const whole = byRank.flatMap((object) => {
    const single = object.map((each) => [each])
    return object[0]?.on.length === 1 ? fill(single, Math.max(size, ofOneSchema)) : [object]
  })
  return fill(whole, size)
}

/** Merges neighbours, up to that many statements. */
function fill(parts: Operation[][], size: number): Operation[][] {
  const filled: Operation[][] = []
  for (const part of parts) {
    const last = filled.at(-1)
    if (last && countStatements(last) + countStatements(part) <= size) last.push(...part)
    else filled.push([...part])
  }
  return filled
}

function countStatements(operations: Operation[]): number {
  return operations.reduce((sum, { up }) => sum + up.length, 0)
}

function nameOf(operation: Operation | undefined): string {
  return operation?.on.join('.') ?? ''
}

/** The same on every machine, whatever its language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** How the name of a file with several operations of a kind begins, before the names of their objects. */
const titles: Record<OperationKind, string> = {
  alterPolicies: 'rewrite-policies',
  alterRoleSetting: 'set-role-settings',
  alterSettingHere: 'set-settings-of-database',
  announceChanges: 'announce-changes',
  createCacheOutbox: 'create-cache-outbox',
  createClaimHelper: 'create-claim-functions',
  createExtension: 'enable-extensions',
  createIndex: 'create-indexes',
  createKeyHelper: 'create-key-functions',
  createStatistics: 'create-statistics',
  dropDuplicatePolicy: 'drop-policies',
  dropForeignKey: 'drop-foreign-keys',
  dropIndex: 'drop-indexes',
  enableRowSecurity: 'secure-tables',
  narrowIndex: 'narrow-indexes',
  partitionTable: 'partition-tables',
  primaryKeyFromIndex: 'add-primary-keys',
  scheduleJobs: 'schedule-jobs',
  setFunctionSearchPath: 'set-search-paths',
  setFunctionVolatility: 'declare-functions-stable',
  setStorageParameters: 'set-storage-parameters',
  validateConstraint: 'validate-constraints',
  widenSequence: 'widen-sequences',
}

/** One operation that does what all of them do; the way back takes them in the opposite order. */
function merge(operations: Operation[]): Group {
  const [first] = operations
  if (!first) throw new Error('a file needs an operation')
  if (operations.length === 1) return { operations, operation: first }
  const { kind, rule, on, noTransaction } = first
  return {
    operations,
    operation: {
      ...{ kind, rule, on },
      ...(noTransaction === undefined ? {} : { noTransaction }),
      ids: operations.flatMap(({ ids }) => ids),
      title: titleOf(operations, kind),
      why: whyOf(operations),
      up: operations.flatMap(({ up }) => up),
      down: operations.toReversed().flatMap(({ down }) => down),
      calls: Object.assign({}, ...operations.map(({ calls }) => calls)) as Record<string, BuilderCall>,
      before: unique(operations.flatMap(({ before }) => before)),
      after: unique(operations.flatMap(({ after }) => after)),
    },
  }
}

/** `create-indexes-of-bookings`, `create-indexes-of-bookings-and-9-more`. */
function titleOf(operations: Operation[], kind: OperationKind): string {
  const first = operations[0]?.on.at(-1)
  if (first === undefined) return titles[kind]
  const others = new Set(operations.map(nameOf)).size - 1
  return operationTitle(`${titles[kind]}-of`, first, ...(others === 0 ? [] : [`and-${others}-more`]))
}

/** All files with the same title but the first get a number: `set-search-paths-of-public-2`. */
function numbered(groups: Group[]): Group[] {
  const seen = new Map<string, number>()
  return groups.map(({ operations, operation }) => {
    const number = (seen.get(operation.title) ?? 0) + 1
    seen.set(operation.title, number)
    return {
      operations,
      operation:
        number === 1 ? operation : { ...operation, title: operationTitle(operation.title, `${number}`) },
    }
  })
}

/** The reason that all share, or that of each. */
function whyOf(operations: Operation[]): string {
  const reasons = [...new Set(operations.map(({ why }) => why))]
  const [only] = reasons
  return reasons.length === 1 && only !== undefined ? only : reasons.map((reason) => `- ${reason}`).join('\n')
}
