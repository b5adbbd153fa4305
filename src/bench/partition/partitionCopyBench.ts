import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { readFingerprint } from '../../fingerprint/fingerprint.ts'
import { down } from '../../migrate/down.ts'
import { loadMigrations } from '../../migrate/loadMigrations.ts'
import type { Migration } from '../../migrate/migration.ts'
import type { RunOptions } from '../../migrate/runOptions.ts'
import { defaultRunOptions } from '../../migrate/runOptions.ts'
import { up } from '../../migrate/up.ts'
import { writeMigrations } from '../../optimize/writeMigrations.ts'
import { planPartitions } from '../../partition/plan.ts'
import { connect } from '../../postgres/connect.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { benchRow, moreIsBetterRow } from '../bench.ts'
import { underLoad } from '../load/load.ts'
import type { BenchRow } from '../row.ts'
import { loadOf, loadShop, totals, whatIsWrong } from './partitionLoadBench.ts'

/** Rows that a table without load is copied at, a second, on two cores. */
const promisedRate = 100_000
/** How much longer 99 of 100 transactions may take while the table is copied. */
const toleratedP99 = 1.5
const quietMs = 15_000

/** The shop's orders are copied into partitions: once without load, once while sixteen clients read and write them. */
export const partitionCopyBench: Bench = {
  id: 'partition_copy',
  title: 'Copying a table into partitions',
  rowIds: ['partition_copy_rate', 'partition_copy_p99'],
  async run(context) {
    const server = await provideServer(context.config, { settings: { wal_level: 'logical' } })
    try {
      const name = 'partition_copy'
      const superuser = await connect(server.url())
      await superuser.query(`CREATE DATABASE ${name}`)
      await superuser.end()
      context.onStep('loading the shop')
      await loadShop(server.url(name), totals[context.rows])
      return await measure(server.url(name), context)
    } finally {
      await server.stop()
    }
  },
}

async function asKeeper(url: string): Promise<Client> {
  const client = await connect(url)
  await client.query('SET SESSION AUTHORIZATION shop_keeper')
  return client
}

async function measure(url: string, { onStep, rows }: BenchContext): Promise<BenchRow[]> {
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-partition-'))
  const keeper = await asKeeper(url)
  const looker = await connect(url)
  try {
    const migrations = await writeSeries(keeper, directory)
    const isCopy = ({ name }: Migration) => name.endsWith('_copy-rows-of-orders')
    const toCopy = migrations.find(isCopy)?.name ?? ''
    const before = await readFingerprint(looker)
    const rate = new CopyRate()
    const options: RunOptions = {
      ...{ ...defaultRunOptions, client: keeper, openSession: () => asKeeper(url) },
      onEvent: (event) => {
        if (event.kind === 'started') onStep(`${event.direction}: ${event.name}`)
        if (event.kind === 'statement') rate.begin()
        if (event.kind === 'batch' && event.table.name === 'orders') rate.reach(event.rows)
      },
    }
    const upTo = async (to?: string) => {
      const { failure } = await up(migrations, to === undefined ? {} : { to }, options)
      if (failure) throw failure
    }
    const takeBack = async () => {
      const { failure } = await down(migrations, { count: migrations.length }, options)
      if (failure) throw failure
    }
    await upTo(toCopy)
    const alone = rate.perSecond()
    await takeBack()
    onStep('the load alone')
    const load = loadOf(url, 'now()')
    const quiet = await underLoad(load, () => sleep(rows === 'tiny' ? 1_000 : quietMs))
    const copied = await underLoad(load, () => upTo(toCopy))
    const beside = rate.perSecond()
    const rest = await underLoad(load, async () => {
      await upTo()
      await takeBack()
    })
    onStep('comparing')
    const wrong = await whatIsWrong(looker, totals[rows], 0)
    const isSame = (await readFingerprint(looker)).text === before.text
    if (!isSame) wrong.push('the schema is not as before')
    const failed = copied.load.failed + rest.load.failed
    const kept = wrong.length === 0 ? 'no row lost or doubled' : wrong.join(', ')
    return [
      moreIsBetterRow({
        id: 'partition_copy_rate',
        title: 'Rows copied a second, promised and measured',
        claim: `at least ${promisedRate.toLocaleString('en-US')} rows a second without load`,
        before: promisedRate,
        after: alone,
        unit: 'rows/s',
        met: alone >= promisedRate,
        how: `${totals[rows].toLocaleString('en-US')} rows in two sessions, with the primary key; other indexes follow. Beside the load: ${Math.round(beside).toLocaleString('en-US')} rows/s`,
      }),
      benchRow({
        id: 'partition_copy_p99',
        title: "p99 of 16 clients' transactions while their table is copied",
        claim: `at most ${toleratedP99} times that of the load alone, 0 errors, nothing lost`,
        before: quiet.load.p99Ms,
        after: copied.load.p99Ms,
        unit: 'ms',
        met: copied.load.p99Ms <= toleratedP99 * quiet.load.p99Ms && failed === 0 && wrong.length === 0,
        how: `${copied.load.transactions} transactions, longest ${Math.round(copied.load.worstMs)} ms (${Math.round(quiet.load.worstMs)} ms alone); over the whole series and back, longest ${Math.round(rest.load.worstMs)} ms, ${failed} failed${failed > 0 ? ` (${[...copied.load.failures, ...rest.load.failures].join('; ')})` : ''}; ${kept}`,
      }),
    ]
  } finally {
    await keeper.end()
    await looker.end()
    await rm(directory, { recursive: true, force: true })
  }
}

async function writeSeries(keeper: Client, directory: string): Promise<Migration[]> {
  const plan = await planPartitions(keeper, {
    ...{ table: { schema: 'shop', name: 'orders' }, key: 'ordered_at', every: 'month' },
    ...{ ahead: 3, accept: ['orders_pkey'], rewriteHistory: true },
  })
  if (plan.refused.length > 0)
    throw new Error(plan.refused.map(({ name, reason }) => `${name}: ${reason}`).join('; '))
  await writeMigrations(
    directory,
    plan.operations.map((operation) => ({ operation, operations: [operation] })),
  )
  return loadMigrations(directory)
}

/** Rows a second of the last copy, from its statement to its last batch. */
class CopyRate {
  private began = 0
  private ended = 0
  private rows = 0

  begin(): void {
    this.began = performance.now()
  }

  reach(rows: number): void {
    this.rows = rows
    this.ended = performance.now()
  }

  perSecond(): number {
    return (1_000 * this.rows) / (this.ended - this.began)
  }
}
