import type { ClientBase } from 'pg'
import { escapeLiteral } from 'pg'
import type { PlannedStatement } from '../advisor/plannedStatement.ts'
import { explainStatement } from '../advisor/plannedStatement.ts'
import { listSettings } from '../catalog/settings.ts'
import { borrow } from '../postgres/database.ts'
import { calmMs } from '../postgres/calmTime.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { SharedRange } from './foretellUpkeep.ts'
import { walOfPage, withFullPages } from './asOnTheSource.ts'
import { pricesIn } from './foretellUpkeep.ts'
import type { KeyedTable } from './keyUses.ts'
import type { MachineSpeed } from './planTime.ts'
import { executionMs } from './planTime.ts'
import { countWork } from './planWork.ts'

/** Bytes of WAL for a deleted row, aligned: a header, the place, and what the row becomes. */
const walOfDelete = 56

/**
 * Milliseconds and bytes of deleting the rows of a range from the table as it is. A part of the table is made in the
 * shadow, with rows as wide and as scattered, and they are deleted there; where the plan reads the table from end to
 * end, that is taken from its plan.
 */
export async function foretellDelete(
  session: ClientBase,
  { table, key }: KeyedTable,
  range: SharedRange & { pages: number },
  {
    rowsPerPage,
    speed,
    fullPageWrites,
  }: { rowsPerPage: number; speed: MachineSpeed; fullPageWrites: boolean },
): Promise<{ ms: number; wal: number }> {
  const bounds = [
    ...(range.from === null ? [] : [`${quote(key)} >= ${escapeLiteral(range.from)}`]),
    ...(range.to === null ? [] : [`${quote(key)} < ${escapeLiteral(range.to)}`]),
  ]
  const statement: PlannedStatement = {
    name: 'retention',
    line: undefined,
    calls: 1,
    types: [],
    args: [[]],
    role: undefined,
    claims: undefined,
    sql: `DELETE FROM ${qualified(table)} WHERE ${bounds.join(' AND ') || 'true'}`,
  }
  const prices = pricesIn(await listSettings(borrow(session)))
  await session.query('BEGIN')
  const counted = await countWork(
    prices,
    async (settings) => (await explainStatement(session, statement, [], 'custom', settings)).Plan,
  ).finally(() => session.query('ROLLBACK'))
  const [reading] = counted?.children ?? []
  const byIndex = reading === undefined || !reading.node['Node Type'].includes('Seq Scan')
  const deletion = await timeDeletion(session, {
    ...range,
    ...{ rowsPerPage, isFound: !byIndex, fullPageWrites },
    byBitmap: reading?.node['Node Type'] === 'Bitmap Heap Scan',
  })
  return {
    ms: deletion + (byIndex ? 0 : executionMs(reading, speed)),
    wal: range.rows * walOfDelete + (fullPageWrites ? range.pages * walOfPage : 0),
  }
}

const deletions = 3
const mostDeleted = 50_000
/** Bytes of a row's place and header, of two numbers, and of the length of a text. */
const rowHeader = 40
/** Of a page, after its own header. */
const pageBytes = 8_168
/** A wider row is stored outside of the table for the most part. */
const mostWidth = 2_000
/** So many keys are in a range: rows with one key are read in the order of their pages. */
const keysInRange = 30

/**
 * Milliseconds of deleting rows that lie on so many pages, and of finding them by an index.
 *
 * @param isFound leaves the finding out
 * @param byBitmap of pages; otherwise the index is followed row by row
 */
async function timeDeletion(
  session: ClientBase,
  {
    rows,
    pages,
    rowsPerPage,
    isFound,
    byBitmap,
    fullPageWrites,
  }: {
    rows: number
    pages: number
    rowsPerPage: number
    isFound: boolean
    byBitmap: boolean
    fullPageWrites: boolean
  },
): Promise<number> {
  if (rows < 1) return 0
  const part = Math.min(1, mostDeleted / rows)
  const many = Math.max(1, Math.round(rows * part))
  // On these pages are rows of other ranges too.
  const all = Math.max(many, Math.round(Math.max(1, pages * part) * rowsPerPage))
  const filler = Math.min(mostWidth, Math.max(0, Math.round(pageBytes / rowsPerPage) - rowHeader))
  const place = `pg_catalog.hashint4(n) & 2147483647`
  await session.query(
    `CREATE SCHEMA hundredfold_deleted;
     CREATE TABLE hundredfold_deleted.rows (run integer, key integer, filler text);
     ALTER TABLE hundredfold_deleted.rows ALTER filler SET STORAGE PLAIN;
     INSERT INTO hundredfold_deleted.rows
     SELECT run, CASE WHEN (${place}) % ${all} < ${many} THEN (${place}) % ${keysInRange} ELSE -1 END, pg_catalog.repeat('x', ${filler})
     FROM pg_catalog.generate_series(1, ${deletions}) run, pg_catalog.generate_series(1, ${all}) n;
     CREATE INDEX ON hundredfold_deleted.rows (run, key)`,
  )
  await session.query('VACUUM ANALYZE hundredfold_deleted.rows')
  await session.query(
    `SET enable_seqscan = off; SET ${byBitmap ? 'enable_indexscan' : 'enable_bitmapscan'} = off`,
  )
  const times = await withFullPages(session, fullPageWrites, async () => {
    const times: number[] = []
    for (let run = 1; run <= deletions; run += 1) {
      const of = `hundredfold_deleted.rows WHERE run = ${run} AND key >= 0`
      const finding = `SELECT pg_catalog.count(filler) FROM ${of}`
      // Everything that is foretold is in memory.
      await session.query(finding)
      const found = isFound ? await calmMs(session, finding) : 0
      // Pages that nobody has changed for long are written to the WAL as a whole: old rows are on such pages.
      await session.query('CHECKPOINT')
      times.push((await calmMs(session, `DELETE FROM ${of}`)) - found)
    }
    return times
  })
  await session.query('RESET ALL; DROP SCHEMA hundredfold_deleted CASCADE')
  return Math.max(0, Math.min(...times)) / part
}
