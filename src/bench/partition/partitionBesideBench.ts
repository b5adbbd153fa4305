import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { loadMigrations } from '../../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../../migrate/runOptions.ts'
import { up } from '../../migrate/up.ts'
import { writeMigrations } from '../../optimize/writeMigrations.ts'
import { planPartitions } from '../../partition/plan.ts'
import { connect } from '../../postgres/connect.ts'
import { startEmbedded } from '../../servers/embedded.ts'
import { installedVersions } from '../../servers/installation.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { Server } from '../../servers/server.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { benchRow } from '../bench.ts'
import type { LoadReport } from '../load/load.ts'
import { underLoad } from '../load/load.ts'
import type { BenchRow } from '../row.ts'
import {
  openPartitions,
  partitionByHand,
  partitionWithPartman,
  rowsInDefault,
  thingsOfOrders,
} from './besideWays.ts'
import { hasDebianExtension, installDebianExtension } from './debianExtension.ts'

const clients = 4
const totals = { tiny: 20_000, small: 500_000, medium: 1_000_000, large: 5_000_000 }

/** The same table in the same use, partitioned by hand, with pg_partman by its how-to, and by our series. */
export const partitionBesideBench: Bench = {
  id: 'partition_beside',
  title: 'A table in use, partitioned in three ways',
  rowIds: ['partition_beside_hand', 'partition_beside_partman'],
  async run(context) {
    const hasPartman = installedVersions().includes(15) && hasDebianExtension('pg_partman')
    const settings = { wal_level: 'logical' }
    const server = hasPartman
      ? await startEmbedded({ version: 15, settings })
      : await provideServer(context.config, { settings })
    try {
      const hand = await measure(server, context, { name: 'hand', partition: partitionByHand })
      const partman = hasPartman
        ? await measure(server, context, {
            name: 'partman',
            partition: partitionWithPartman,
            needsPartman: true,
          })
        : undefined
      if (!partman) {
        context.onSkip?.(
          'partition_beside_partman',
          'pg_partman for PostgreSQL 15 is not installed; scripts/install-test-engines.sh brings it',
        )
      }
      const ours = await measure(server, context, { name: 'series', partition: partitionBySeries })
      return [
        row('hand', 'by hand in one transaction', hand, ours),
        ...(partman ? [row('partman', 'with pg_partman 4.7', partman, ours)] : []),
      ]
    } finally {
      await server.stop()
    }
  },
}

interface Way {
  name: string
  partition: (client: Client) => Promise<void>
  needsPartman?: boolean
}

interface Measured {
  load: LoadReport
  rowsPerSecond: number
  lost: string[]
  /** Rows left in the default partition. */
  stray: number
}

async function measure(server: Server, { rows, onStep }: BenchContext, way: Way): Promise<Measured> {
  const database = `beside_${way.name}`
  const total = totals[rows]
  const superuser = await connect(server.url())
  await superuser.query(`CREATE DATABASE ${database}`)
  await superuser.end()
  const url = server.url(database)
  onStep(`${way.name}: loading the shop`)
  await loadShop(url, total)
  const keeper = await connect(url)
  const looker = await connect(url)
  try {
    if (way.needsPartman) {
      await looker.query('CREATE SCHEMA partman')
      await installDebianExtension(looker, 'pg_partman', 'partman')
      await looker.query(`GRANT ALL ON SCHEMA partman TO shop_keeper; GRANT ALL ON ALL TABLES IN SCHEMA partman TO shop_keeper;
        GRANT EXECUTE ON ALL ROUTINES IN SCHEMA partman TO shop_keeper`)
    }
    await keeper.query('SET SESSION AUTHORIZATION shop_keeper')
    const before = await thingsOfOrders(looker)
    onStep(`${way.name}: partitioning`)
    const began = performance.now()
    let seconds = 0
    const { load } = await underLoad(
      { url, clients, pauseMs: 5, transactions: transactionsOn(total) },
      async () => {
        await way.partition(keeper)
        seconds = (performance.now() - began) / 1_000
      },
    )
    const after = new Set(await thingsOfOrders(looker))
    const open = await openPartitions(looker)
    const { rows: counts } = await looker.query<{ missing: string }>(
      `SELECT $1::bigint + (SELECT count(*) FROM shop.done WHERE what = 'insert') - (SELECT count(*) FROM shop.orders) AS missing`,
      [total],
    )
    const missing = Number(counts[0]?.missing)
    const lost = [
      ...before.filter((thing) => !after.has(thing)),
      ...(open > 0 ? [`${open} partitions open past the policies`] : []),
      ...(missing === 0 ? [] : [`${missing} rows`]),
    ]
    return { load, rowsPerSecond: Math.round(total / seconds), lost, stray: await rowsInDefault(looker) }
  } finally {
    await keeper.end()
    await looker.end()
  }
}

async function loadShop(url: string, total: number): Promise<void> {
  const text = await readFile(new URL('shop.sql', import.meta.url), 'utf8')
  const client = await connect(url)
  try {
    for (const step of text.replaceAll(':rows', `${total}`).split(/^-- step: .+$/m)) {
      for (const part of step.split(/^(?=VACUUM)/m)) await client.query(part)
    }
    await client.query(`COMMENT ON TABLE shop.orders IS 'what people ordered'`)
  } finally {
    await client.end()
  }
}

/** Each change is counted in the same transaction, so that a lost row shows. */
function transactionsOn(total: number): string[][] {
  const any = `md5((1 + floor(random() * ${total}))::int::text)::uuid`
  const request = (sql: string) => ['SET LOCAL ROLE shop_service', sql]
  return [
    request(`WITH made AS (INSERT INTO shop.orders (person_id, ordered_at, cents) VALUES (1, now(), 1) RETURNING id)
      INSERT INTO shop.done (what) SELECT 'insert' FROM made`),
    request(`UPDATE shop.orders SET changes = changes + 1 WHERE id = (SELECT ${any})`),
    request(`INSERT INTO shop.payments (order_id, cents) SELECT ${any}, 1`),
  ]
}

async function partitionBySeries(client: Client): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-beside-'))
  try {
    const plan = await planPartitions(client, {
      ...{ table: { schema: 'shop', name: 'orders' }, key: 'ordered_at', every: 'month' },
      ...{ ahead: 3, accept: ['orders_pkey'] },
    })
    await writeMigrations(
      directory,
      plan.operations.map((operation) => ({ operation, operations: [operation] })),
    )
    const { failure } = await up(await loadMigrations(directory), {}, { ...defaultRunOptions, client })
    if (failure) throw failure
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function row(id: string, title: string, theirs: Measured, ours: Measured): BenchRow {
  return benchRow({
    id: `partition_beside_${id}`,
    title: `Longest wait of ${clients} writing clients: partitioned ${title}, then by our series`,
    claim: 'no longer a wait, 0 errors, nothing lost',
    before: theirs.load.worstMs,
    after: ours.load.worstMs,
    unit: 'ms',
    met: ours.load.worstMs <= theirs.load.worstMs && ours.load.failed === 0 && ours.lost.length === 0,
    how: `${title}: ${say(theirs)}; our series: ${say(ours)}`,
  })
}

function say({ load, rowsPerSecond, lost, stray }: Measured): string {
  const why = load.failures.length > 0 ? ` (${load.failures.slice(0, 2).join('; ')})` : ''
  return (
    `${load.failed} of ${load.transactions} transactions failed${why}, ${rowsPerSecond} rows a second, ` +
    (stray === 0 ? '' : `${stray} rows left in the default partition, `) +
    `lost: ${lost.length === 0 ? 'nothing' : lost.join(', ')}`
  )
}
