import type { ClientBase } from 'pg'
import type { Bloat } from '../../catalog/bloat.ts'
import { listTableBloat } from '../../catalog/bloat.ts'
import type { IndexBloat } from '../../catalog/indexBloat.ts'
import { listIndexBloat } from '../../catalog/indexBloat.ts'
import { readOnce } from '../../catalog/reader.ts'
import type { RewriteFacts } from '../../catalog/rewriteFacts.ts'
import { findRepackExtension, listRewriteFacts } from '../../catalog/rewriteFacts.ts'
import type { Table } from '../../catalog/tables.ts'
import { listTables } from '../../catalog/tables.ts'
import { listToastBloat } from '../../catalog/toastBloat.ts'
import { groupBy } from '../../groupBy.ts'
import { borrow } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display } from '../../postgres/identifiers.ts'
import { readOnly } from '../../postgres/readOnly.ts'
import type { RemedyKind, Space } from './remedy.ts'
import { chooseRemedy } from './remedy.ts'

/** A table and how much of it is empty: heap, TOAST and indexes. */
export interface BloatedTable extends RelationName {
  oid: number
  space: Space
  /** How sure the figures are: the least sure of its parts. */
  kind: Bloat['kind']
  /** Why parts are unknown; empty where everything is known. */
  unknown: string[]
  wastedBytes: number
  indexes: IndexBloat[]
  deadRows: number
  facts: RewriteFacts
  /** What is worth doing; undefined where nothing is. */
  remedy: RemedyKind | undefined
}

export interface BloatSurvey {
  tables: BloatedTable[]
  /** The extension in this database; undefined where it is not installed. */
  repack: { version: string; isSuperuser: boolean } | undefined
}

/** Half an hour: pgstattuple reads every page. */
const statementTimeoutMs = 1_800_000

/** Measures all tables in one read-only transaction, those with most wasted bytes first. */
export async function findBloat(client: ClientBase): Promise<BloatSurvey> {
  return readOnly(
    client,
    async () => {
      const db = borrow(client)
      const read = readOnce(db)
      const heaps = new Map((await read(listTableBloat)).map((heap) => [display(heap), heap]))
      const indexes = groupBy(await read(listIndexBloat), ({ table }) => display(table))
      const toasts = new Map((await listToastBloat(db)).map((toast) => [toast.tableOid, toast]))
      const facts = new Map((await listRewriteFacts(db)).map((fact) => [fact.oid, fact]))
      const repack = await findRepackExtension(db)
      const tables = (await read(listTables)).flatMap((table) => {
        const fact = facts.get(table.oid)
        if (!fact || table.isExtensionOwned) return []
        const parts = {
          heap: heaps.get(display(table)),
          toast: toasts.get(table.oid),
          indexes: (indexes.get(display(table)) ?? []).map((index) => withDeadEntries(index, table)),
        }
        return [bloatedTable(table, fact, parts, repack !== undefined)]
      })
      return { tables: tables.sort((a, b) => b.wastedBytes - a.wastedBytes), repack }
    },
    { statementTimeoutMs },
  )
}

/**
 * A measured index is full of the entries of dead rows until VACUUM has run; a new one has none of them. An estimate counts
 * live rows alone.
 */
function withDeadEntries(index: IndexBloat, table: Table): IndexBloat {
  const { wastedBytes, sizeBytes, kind } = index
  if (kind !== 'measured' || wastedBytes === null) return index
  const { liveRows, deadRows, updates, hotUpdates, deletes } = table
  // The dead version of a HOT update has no entry of its own.
  const withEntry = deadRows * (1 - hotUpdates / Math.max(1, updates + deletes))
  const deadShare = withEntry / Math.max(1, liveRows + withEntry)
  const wasted = wastedBytes + (sizeBytes - wastedBytes) * deadShare
  return { ...index, wastedBytes: wasted, bloatPercent: (100 * wasted) / Math.max(1, sizeBytes) }
}

interface Parts {
  heap: Bloat | undefined
  toast: (Bloat & { bytes: number }) | undefined
  indexes: IndexBloat[]
}

function bloatedTable(
  table: Table,
  facts: RewriteFacts,
  { heap, toast, indexes }: Parts,
  hasRepack: boolean,
): BloatedTable {
  const { oid, schema, name, heapBytes, indexBytes, totalBytes, deadRows, liveRows } = table
  const space = {
    heapBytes,
    indexBytes,
    toastBytes: Math.max(0, totalBytes - heapBytes - indexBytes),
    heapWasted: heap?.wastedBytes ?? 0,
    toastWasted: toast?.wastedBytes ?? 0,
    indexWasted: indexes.reduce((sum, { wastedBytes }) => sum + (wastedBytes ?? 0), 0),
  }
  const parts = [heap, toast, ...indexes].filter((part) => part !== undefined)
  const known = parts.filter(({ kind }) => kind !== 'unknown')
  return {
    ...{ oid, schema, name, space, indexes, deadRows, facts },
    kind:
      known.length === 0 && parts.length > 0
        ? 'unknown'
        : known.some(({ kind }) => kind === 'estimated')
          ? 'estimated'
          : 'measured',
    unknown: [...new Set(parts.filter(({ kind }) => kind === 'unknown').map(({ how }) => how))],
    wastedBytes: space.heapWasted + space.toastWasted + space.indexWasted,
    remedy: chooseRemedy(space, {
      repack: hasRepack && facts.hasRowKey,
      deadRows,
      rows: liveRows + deadRows,
    }),
  }
}
