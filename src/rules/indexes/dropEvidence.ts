import { byTable } from '../../catalog/byTable.ts'
import { listForeignKeys, listInheritedForeignKeys } from '../../catalog/foreignKeys.ts'
import { listIndexBirths } from '../../catalog/indexBirths.ts'
import type { TableIndex } from '../../catalog/indexes.ts'
import { listIndexes } from '../../catalog/indexes.ts'
import type { Read } from '../../catalog/reader.ts'
import { readServerFacts } from '../../catalog/server.ts'
import { countStandbys } from '../../catalog/standbys.ts'
import { listStatisticsExpressions } from '../../catalog/statistics.ts'
import type { StatisticsAge } from '../../catalog/statisticsAge.ts'
import { findStatisticsAge } from '../../catalog/statisticsAge.ts'
import type { Table } from '../../catalog/tables.ts'
import { listTables } from '../../catalog/tables.ts'
import { listUserSchemas } from '../../catalog/userSchemas.ts'
import type { Database } from '../../postgres/database.ts'
import { displayIdentifier } from '../../postgres/identifiers.ts'
import { foreignKeyWithout } from './foreignKeyIndexes.ts'

/** A month and its reports, and a few days more. */
export const unusedAfterDays = 35
/** Reads and writes of the table since the statistics were reset: with fewer, the table is not in use. */
const busyTable = 100

/** Whether an index may be dropped, as far as catalog and statistics say. */
export interface DropEvidence {
  /** Why no migration may drop it, whatever the statistics say; null where one may. */
  staysBecause: string | null
  /** What is not shown yet of an unused index; empty where all of it is. */
  lacks: string[]
  /** What no statistics of this server show, and a person has to settle. */
  unsettled: ('expression' | 'standbys')[]
}

/** Judges indexes by one snapshot. */
export interface DropJudge {
  age: StatisticsAge
  standbys: number
  indexes: TableIndex[]
  /** The team's own schemas: what a platform made is for the platform to drop. */
  schemas: ReadonlySet<string>
  tables: ReadonlyMap<number, Table>
  /**
   * @param days that statistics and index have to be old
   * @param gone indexes that are dropped too: they serve no foreign key any more
   */
  judge(index: TableIndex, days?: number, gone?: ReadonlySet<number>): DropEvidence
}

/** Reads what decides whether an index may be dropped. */
export async function readDropJudge(_: Database, read: Read): Promise<DropJudge> {
  const age = await read(findStatisticsAge)
  const standbys = await read(countStandbys)
  const indexes = await read(listIndexes)
  const tables = new Map((await read(listTables)).map((table) => [table.oid, table]))
  const keys = [...(await read(listForeignKeys)), ...(await read(listInheritedForeignKeys))]
  const births = await read(listIndexBirths)
  const { now } = await read(readServerFacts)
  const expressions = await read(listStatisticsExpressions)
  const schemas = new Set(await read(listUserSchemas))
  const ofTable = byTable(indexes)

  return {
    ...{ age, standbys, indexes, schemas, tables },
    judge: (index, days = unusedAfterDays, gone = new Set()) => {
      const siblings = (ofTable.get(index.tableOid) ?? []).filter(
        ({ oid }) => oid !== index.oid && !gone.has(oid),
      )
      const table = tables.get(index.tableOid)
      const key = foreignKeyWithout(index, siblings, keys)
      const statements = table === undefined ? 0 : readsOf(table) + writesOf(table)
      const built = births.get(index.oid)
      const daysSince = built === undefined ? Infinity : (now.getTime() - built.getTime()) / 86_400_000
      return {
        staysBecause:
          index.protectedBecause ??
          (index.isPartitioned
            ? 'it stands for one index on every partition'
            : key
              ? `it is the only index that leads on foreign key ${displayIdentifier(key.name)}`
              : null),
        lacks: [
          ...(index.isValid ? [] : ['it is not valid']),
          ...(index.scans > 0 || index.lastScan !== null
            ? [`it was scanned ${index.scans.toLocaleString('en-US')} times`]
            : []),
          ...(age.ageDays < days
            ? [`the statistics are ${age.ageDays.toFixed(1)} days old; ${days} are needed`]
            : []),
          ...(daysSince < days ? [`it was built ${daysSince.toFixed(1)} days ago; ${days} are needed`] : []),
          ...(statements < busyTable
            ? [`its table was read and written ${statements} times; ${busyTable} are needed`]
            : []),
        ],
        unsettled: [
          ...(holdsStatistics(index, siblings, expressions.get(index.tableOid) ?? new Set())
            ? ['expression' as const]
            : []),
          ...(standbys > 0 ? ['standbys' as const] : []),
        ],
      }
    },
  }
}

export function readsOf({ sequentialScans, indexScans }: Table): number {
  return sequentialScans + indexScans
}

export function writesOf({ inserts, updates, deletes }: Table): number {
  return inserts + updates + deletes
}

/**
 * Whether nothing else makes ANALYZE look at one of its expressions. The planner estimates by these statistics even where
 * it never scans the index: `WHERE lower(state) = 'done'`. Words and elements are left out: a search for them that no
 * index serves reads the whole table whatever the estimate.
 */
function holdsStatistics(index: TableIndex, siblings: TableIndex[], known: ReadonlySet<string>): boolean {
  if (!['btree', 'hash'].includes(index.accessMethod)) return false
  return index.keys.some(({ text, attnum }, at) => {
    const target = index.statisticsTargets[at + 1] ?? 0
    return (
      attnum === 0 &&
      ![text, `(${text})`].some((each) => known.has(each)) &&
      !siblings.some((other) =>
        other.keys.some(
          (key, place) => key.text === text && (other.statisticsTargets[place + 1] ?? 0) >= target,
        ),
      )
    )
  })
}
