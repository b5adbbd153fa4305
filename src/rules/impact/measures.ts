import type { Finding } from '../rule.ts'
import type { RuleName } from '../ruleNames.ts'
import type { TableTraffic, Traffic } from './traffic.ts'
import { leastBytes, leastMsPerHour, unitCosts } from './unitCosts.ts'

/** A figure of a finding: what it takes in time or space, and how it was computed. */
export interface Figure {
  kind: 'time' | 'space'
  value: number
  basis: 'measured' | 'estimated'
  because: string
}

/** What a measure is given. */
export interface Weighing {
  finding: Finding
  traffic: Traffic
  table: TableTraffic | undefined
}

/** One way to put a figure to a finding; undefined where the counters show none. */
export type Measure = (weighing: Weighing) => Figure | undefined

/** The time of a statement, as pg_stat_statements counts it. */
const statementTime: Measure = ({ finding, traffic: { statementHours } }) => {
  const total = numberOf(finding, 'total time')
  return total === undefined
    ? undefined
    : timed(total / statementHours, 'measured', 'its calls, as pg_stat_statements counts them')
}

/** Rows read in an hour, each with a piece of work that need not be done for every row. */
function perRowRead(cost: number, what: string): Measure {
  return ({ table, traffic: { hours } }) =>
    table &&
    timed(
      (table.rowsRead / hours) * cost,
      'estimated',
      `${count(table.rowsRead / hours)} rows of the table read an hour, ${what} of ${micro(cost)} for each`,
    )
}

const rowsReadWhole: Measure = ({ table, traffic: { hours } }) =>
  table &&
  timed(
    (table.rowsReadSequentially / hours) * unitCosts.row,
    'estimated',
    `${count(table.rowsReadSequentially / hours)} rows an hour read by sequential scans, ${micro(unitCosts.row)} each`,
  )

/** A deleted row of the referenced table reads the whole referencing one. */
const parentDeletes: Measure = ({ finding, table, traffic }) => {
  const [schema = '', name = '', key = ''] = finding.subject
  const parent = traffic.referenced.get(JSON.stringify([schema, name, key]))
  const deletes = (parent?.deletes ?? 0) / traffic.hours
  if (!table) return undefined
  const ms = (table.heapBytes / 1024 ** 2) * unitCosts.megabyte
  return timed(
    deletes * ms,
    'estimated',
    `${count(deletes)} rows an hour deleted from the referenced table, each reads ${megabytes(table.heapBytes)}; joins are not counted`,
  )
}

/** An index that each insert, and each update that is not HOT, writes too. */
const indexWrites: Measure = ({ table, traffic: { hours } }) => {
  if (!table) return undefined
  const writes = (table.inserts + table.updatesOfIndexes) / hours
  return timed(
    writes * unitCosts.indexEntry,
    'estimated',
    `${count(writes)} entries an hour written into the index, ${micro(unitCosts.indexEntry)} each`,
  )
}

const updatesOfIndexes: Measure = ({ table, traffic: { hours } }) => {
  if (!table) return undefined
  const entries = (table.updatesOfIndexes * table.indexes) / hours
  return timed(
    entries * unitCosts.indexEntry,
    'estimated',
    `${count(entries)} entries an hour written into the table's indexes by updates, ${micro(unitCosts.indexEntry)} each`,
  )
}

const planningOfPolicies: Measure = ({ finding, table, traffic: { hours } }) => {
  const ms = numberOf(finding, 'planning')
  return table && ms !== undefined
    ? timed(
        (table.scans / hours) * ms,
        'estimated',
        `${count(table.scans / hours)} scans of the table an hour, each planned in ${ms} ms`,
      )
    : undefined
}

/** Bytes that one fact of the finding states. */
function bytesOf(fact: string, because: string): Measure {
  return ({ finding }) => {
    const value = numberOf(finding, fact)
    const basis = finding.evidence.find(({ name }) => name === fact)?.kind ?? 'estimated'
    return value === undefined || value < leastBytes ? undefined : { kind: 'space', value, basis, because }
  }
}

const indexSize = bytesOf('size', 'the size of the index')
const spareIndex = [indexWrites, indexSize]
const wasted = bytesOf('wasted', 'space that holds no row')

/** How each rule's findings get a figure: the first measure that has one counts. Those without any are risks. */
export const measures: Partial<Record<RuleName, Measure[]>> = {
  auth_rls_initplan: [perRowRead(unitCosts.call, 'a call')],
  policy_function_initplan: [perRowRead(unitCosts.call, 'a call')],
  policy_membership_function: [perRowRead(unitCosts.lookup, 'a lookup')],
  policy_correlated_subquery: [perRowRead(unitCosts.subselect, 'a sub-select')],
  auth_function_planning: [planningOfPolicies],
  duplicate_policy: [perRowRead(unitCosts.row, 'a comparison')],
  multiple_permissive_policies: [perRowRead(unitCosts.row, 'a comparison')],
  unindexed_policy_column: [rowsReadWhole],
  missing_index: [rowsReadWhole],
  unindexed_foreign_keys: [parentDeletes],
  duplicate_index: spareIndex,
  redundant_index: spareIndex,
  unused_index: spareIndex,
  invalid_index: spareIndex,
  array_btree_index: spareIndex,
  boolean_index: spareIndex,
  null_heavy_index: [bytesOf('size of the entries for NULL', 'entries for NULL')],
  index_bloat: [wasted],
  table_bloat: [wasted],
  low_hot_ratio: [updatesOfIndexes],
  uuid_as_text: [bytesOf('bytes that uuid would spare in the table', 'text in place of uuid')],
  replication_slot_lag: [bytesOf('WAL kept', 'write-ahead log that is kept')],
  slow_query: [statementTime],
  io_heavy_statement: [statementTime],
  planning_heavy_statement: [statementTime],
  wal_heavy_statement: [statementTime],
  cache_candidate: [statementTime],
}

function timed(value: number, basis: Figure['basis'], because: string): Figure | undefined {
  return value < leastMsPerHour ? undefined : { kind: 'time', value: Math.round(value), basis, because }
}

function numberOf({ evidence }: Finding, fact: string): number | undefined {
  const value = evidence.find(({ name }) => name === fact)?.value
  return typeof value === 'number' ? value : undefined
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}

function micro(ms: number): string {
  return `${Number((ms * 1_000).toPrecision(2))} µs`
}

function megabytes(bytes: number): string {
  return `${Math.max(0.1, Number((bytes / 1024 ** 2).toPrecision(2)))} MB`
}
