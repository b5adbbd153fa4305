import type { Client } from 'pg'
import { readTotalBytes } from '../../catalog/rewriteFacts.ts'
import { borrow } from '../../postgres/database.ts'
import type { Action } from '../action.ts'
import type { BloatedTable } from './findBloat.ts'
import type { RemedyKind } from './remedy.ts'

/** What a remedy has brought. */
export interface Returned {
  table: BloatedTable
  kind: RemedyKind
  /** Bytes of heap, TOAST and indexes that the disk has got back; negative where the table has grown meanwhile. */
  returnedBytes: number
  ms: number
  /** What did not go as expected, for people; the rest was done. */
  notes: string[]
}

/** What every remedy gets. */
export interface RewriteTools {
  /** Another session: it looks at progress, and cancels. */
  watcher: Client
  signal: AbortSignal
  onProgress: (text: string) => void
}

export interface RewriteAction extends Action<Returned> {
  table: BloatedTable
}

/** Runs a remedy, and tells what came back. */
export async function measureReturn(
  client: Client,
  { table, kind }: { table: BloatedTable; kind: RemedyKind },
  run: () => Promise<string[]>,
): Promise<Returned> {
  const db = borrow(client)
  const before = await readTotalBytes(db, table.oid)
  const started = performance.now()
  const notes = await run()
  const ms = performance.now() - started
  const after = await readTotalBytes(db, table.oid)
  return { table, kind, returnedBytes: before - after, ms, notes }
}
