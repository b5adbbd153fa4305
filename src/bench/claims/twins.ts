import { randomBytes } from 'node:crypto'
import { connect } from '../../postgres/connect.ts'
import { quote } from '../../postgres/identifiers.ts'
import { loadMigrations } from '../../migrate/loadMigrations.ts'
import type { Migration } from '../../migrate/migration.ts'
import { defaultRunOptions } from '../../migrate/runOptions.ts'
import { up } from '../../migrate/up.ts'
import type { Server } from '../../servers/server.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import { casaoraMigrations, createCasaora } from '../casaora/database.ts'
import { casaoraOwner } from '../casaora/load.ts'
import type { CasaoraRows } from '../casaora/load.ts'

/** Casaora twice on one server, from one load: as it was, and with every migration applied. */
export interface Twins {
  before: CasaoraDatabase
  after: CasaoraDatabase
  series: Series
}

/** How long applying all migrations took, and what it did. */
export interface Series {
  migrations: number
  /** All of them, conditions and ledger included, in milliseconds. */
  ms: number
  dropped: DroppedIndexes
}

/** The migrations that drop indexes, and the size of the database before and after them. */
export interface DroppedIndexes {
  count: number
  bytesBefore: number
  bytesAfter: number
}

/** Loads once, copies, and migrates the copy as its owner, who is no superuser. */
export async function makeTwins(
  server: Server,
  rows: CasaoraRows,
  onStep: (text: string) => void,
): Promise<Twins> {
  const before = await createCasaora(server, rows, onStep)
  const after = await copyOf(server, before)
  onStep('migrating the copy')
  return { before, after, series: await applySeries(after) }
}

/** A copy of a Casaora database on the same server, byte for byte; nobody may be connected to the original. */
export async function copyOf(server: Server, original: CasaoraDatabase): Promise<CasaoraDatabase> {
  const name = `casaora_${randomBytes(4).toString('hex')}`
  // Since PostgreSQL 15 the default strategy would also write every page to the WAL.
  const strategy = server.version >= 15 ? ' STRATEGY file_copy' : ''
  const superuser = await connect(server.url())
  try {
    await superuser.query(
      `CREATE DATABASE ${quote(name)} TEMPLATE ${quote(original.name)} OWNER ${quote(casaoraOwner)}${strategy}`,
    )
  } finally {
    await superuser.end()
  }
  const ownerUrl = new URL(original.ownerUrl)
  ownerUrl.pathname = `/${name}`
  return {
    name,
    superuserUrl: server.url(name),
    ownerUrl: ownerUrl.href,
    drop: async () => {
      const client = await connect(server.url())
      await client.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`)
      await client.end()
    },
  }
}

/** Applies only the migrations that drop indexes. */
export async function dropUselessIndexes(database: CasaoraDatabase): Promise<void> {
  const drops = (await loadMigrations(casaoraMigrations)).filter(dropsIndex)
  const client = await connect(database.ownerUrl)
  try {
    const { failure } = await up(drops, {}, { ...defaultRunOptions, client })
    if (failure) throw failure
  } finally {
    await client.end()
  }
}

async function applySeries(database: CasaoraDatabase): Promise<Series> {
  const migrations = await loadMigrations(casaoraMigrations)
  const drops = migrations.filter(dropsIndex)
  const firstDrop = migrations.indexOf(drops[0] as (typeof migrations)[number])
  const client = await connect(database.ownerUrl)
  try {
    const run = async (to?: string): Promise<number> => {
      const started = performance.now()
      const { failure } = await up(migrations, to ? { to } : {}, { ...defaultRunOptions, client })
      if (failure) throw failure
      return performance.now() - started
    }
    const size = async (): Promise<number> => {
      const { rows } = await client.query<{ size: string }>(
        'SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) AS size',
      )
      return Number(rows[0]?.size)
    }
    let ms = await run(migrations[firstDrop - 1]?.name)
    const bytesBefore = await size()
    ms += await run(drops.at(-1)?.name)
    const bytesAfter = await size()
    ms += await run()
    return {
      migrations: migrations.length,
      ms,
      dropped: { count: drops.length, bytesBefore, bytesAfter },
    }
  } finally {
    await client.end()
  }
}

const droppingRules = new Set(['unused_index', 'duplicate_index', 'redundant_index'])

function dropsIndex({ optimization }: Migration): boolean {
  return droppingRules.has(optimization?.rule ?? '')
}
