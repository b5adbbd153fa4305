import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { connect } from '../../postgres/connect.ts'
import { readFingerprint } from '../../fingerprint/fingerprint.ts'
import { down } from '../../migrate/down.ts'
import { loadMigrations } from '../../migrate/loadMigrations.ts'
import { defaultRunOptions } from '../../migrate/runOptions.ts'
import type { RunOptions } from '../../migrate/runOptions.ts'
import { up } from '../../migrate/up.ts'
import { writeMigrations } from '../../optimize/writeMigrations.ts'
import { planPartitions } from '../../partition/plan.ts'
import type { HistorySubject } from '../../partition/subject.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { benchRow } from '../bench.ts'
import type { LoadReport, LoadSettings } from '../load/load.ts'
import { underLoad } from '../load/load.ts'
import type { BenchRow } from '../row.ts'

const clients = 16
/** What the series may add to the longest wait of the load alone. */
const addedWaitMs = 100
const quietMs = 15_000
/** A week of new orders, beside those of the clients. */
const rowsOfWeek = 50_000

/**
 * Sixteen clients read and write a table of two million rows through policies, triggers, keys and a view while it is
 * partitioned, gets a week of new rows, and becomes a table again.
 */
export const partitionLoadBench: Bench = {
  id: 'partition_load',
  title: 'Clients while a table is partitioned',
  rowIds: ['partition_load_up', 'partition_load_down'],
  async run(context) {
    const server = await provideServer(context.config, { settings: { wal_level: 'logical' } })
    try {
      const name = 'partition_load'
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

/** Orders of the shop, by the size of the bench. */
export const totals = { tiny: 20_000, small: 2_000_000, medium: 4_000_000, large: 20_000_000 }

export async function loadShop(url: string, total: number): Promise<void> {
  const text = await readFile(new URL('shop.sql', import.meta.url), 'utf8')
  const client = await connect(url)
  try {
    for (const step of text.replaceAll(':rows', `${total}`).split(/^-- step: .+$/m)) {
      for (const part of step.split(/^(?=VACUUM)/m)) await client.query(part)
    }
  } finally {
    await client.end()
  }
}

async function measure(url: string, { onStep, rows }: BenchContext): Promise<BenchRow[]> {
  const directory = await mkdtemp(join(tmpdir(), 'hundredfold-partition-'))
  const keeper = await connect(url)
  const looker = await connect(url)
  await keeper.query('SET SESSION AUTHORIZATION shop_keeper')
  try {
    const plan = await planPartitions(keeper, {
      table: { schema: 'shop', name: 'orders' },
      key: 'ordered_at',
      every: 'month',
      ahead: 3,
      accept: ['orders_pkey'],
    })
    const { subject } = plan
    if (!subject || !('cutoff' in subject))
      throw new Error(plan.refused.map(({ name, reason }) => `${name}: ${reason}`).join('; '))
    await writeMigrations(
      directory,
      plan.operations.map((operation) => ({ operation, operations: [operation] })),
    )
    const migrations = await loadMigrations(directory)
    const options: RunOptions = {
      ...defaultRunOptions,
      client: keeper,
      onEvent: (event) => {
        if (event.kind === 'started') onStep(`${event.direction}: ${event.name}`)
      },
    }
    const wait = rows === 'tiny' ? 1_000 : quietMs
    const before = await readFingerprint(looker)
    onStep('the load alone')
    const now = loadOf(url, 'now()')
    const quietUp = await underLoad(now, () => sleep(wait))
    const partitioned = await underLoad(now, async () => {
      const result = await up(migrations, {}, options)
      if (result.failure) throw result.failure
      return result.ran.length
    })
    onStep('a week of new orders')
    const later = loadOf(url, `timestamptz '${subject.cutoff.toISOString()}' + random() * interval '7 days'`)
    const ofWeek = rows === 'tiny' ? 1_000 : rowsOfWeek
    await insertWeek(looker, subject, ofWeek)
    onStep('the load alone, on partitions')
    const quietDown = await underLoad(later, () => sleep(wait))
    const back = await underLoad(later, async () => {
      const result = await down(migrations, { count: migrations.length }, options)
      if (result.failure) throw result.failure
    })
    onStep('comparing')
    const wrong = await whatIsWrong(looker, totals[rows], ofWeek)
    const isSame = (await readFingerprint(looker)).text === before.text
    return [
      row('up', 'while a table is partitioned', quietUp.load, partitioned.load, []),
      row('down', 'while it becomes a table again, with a week of new rows', quietDown.load, back.load, [
        ...wrong,
        ...(isSame ? [] : ['the schema is not as before']),
      ]),
    ]
  } finally {
    await keeper.end()
    await looker.end()
    await rm(directory, { recursive: true, force: true })
  }
}

function row(
  direction: 'up' | 'down',
  title: string,
  quiet: LoadReport,
  busy: LoadReport,
  wrong: string[],
): BenchRow {
  const { failed, failures, transactions, worstMs } = busy
  return benchRow({
    id: `partition_load_${direction}`,
    title: `Longest wait of ${clients} clients ${title}`,
    claim: `0 errors, at most ${addedWaitMs} ms more than the load alone, nothing lost`,
    before: quiet.worstMs,
    after: worstMs,
    unit: 'ms',
    met: failed === 0 && worstMs <= quiet.worstMs + addedWaitMs && wrong.length === 0,
    how: `${transactions} transactions, ${failed} failed${failures.length > 0 ? ` (${failures.join('; ')})` : ''}; ${quiet.transactions} of the load alone; ${wrong.length === 0 ? 'no row lost or doubled' : wrong.join(', ')}`,
  })
}

async function insertWeek(client: Client, subject: HistorySubject, count: number): Promise<void> {
  await client.query(
    `INSERT INTO shop.orders (person_id, ordered_at, cents)
     SELECT 1 + n % 10000, $1::timestamptz + n * interval '7 days' / $2::integer, n FROM generate_series(1, $2::integer) n`,
    [subject.cutoff, count],
  )
  await client.query(
    `INSERT INTO shop.payments (order_id, cents)
     SELECT id, cents FROM shop.orders WHERE ordered_at >= $1 AND cents % 4 = 0`,
    [subject.cutoff],
  )
}

/** What members do: each request is a transaction as their role, and what it changes it counts in the same transaction. */
export function loadOf(url: string, moment: string): LoadSettings {
  const request = (...sql: string[]) => [
    'SET LOCAL ROLE shop_member',
    `SELECT set_config('shop.user', (1 + floor(random() * 10000))::int::text, true)`,
    ...sql,
  ]
  const change = (what: string, sql: string) =>
    request(
      `DO $$ DECLARE made uuid; BEGIN ${sql};
         IF NOT FOUND THEN RAISE 'lost: ${what}'; END IF;
         INSERT INTO shop.done (what) VALUES ('${what}');
       END $$`,
    )
  const mine = 'SELECT id FROM shop.orders WHERE person_id = (SELECT shop.me())'
  const insert = (state: string) =>
    `INSERT INTO shop.orders (person_id, ordered_at, cents, state) VALUES (shop.me(), ${moment}, 1, '${state}') RETURNING id INTO made`
  return {
    url,
    clients,
    pauseMs: 5,
    transactions: [
      request(`${mine} ORDER BY ordered_at DESC LIMIT 20`),
      change(
        'update',
        `UPDATE shop.orders SET changes = changes + 1 WHERE id = (${mine} ORDER BY ordered_at DESC LIMIT 1)`,
      ),
      change('insert', insert('open')),
      change('insert', `${insert('open')}; INSERT INTO shop.payments (order_id, cents) VALUES (made, 1)`),
      request(
        'SELECT count(*) FROM shop.payments p JOIN shop.orders o ON o.id = p.order_id WHERE o.person_id = (SELECT shop.me())',
      ),
      request('SELECT * FROM shop.open_orders LIMIT 5'),
      // An order of its own that nobody else knows, with what hangs on it.
      change(
        'nothing',
        `${insert('brief')}; INSERT INTO shop.payments (order_id, cents) VALUES (made, 1); DELETE FROM shop.orders WHERE id = made`,
      ),
      change(
        'update',
        `UPDATE shop.orders SET changes = changes + 1, state = 'paid' WHERE id = (${mine} ORDER BY ordered_at LIMIT 1)`,
      ),
    ],
  }
}

/** What clients were told is done, against what is there. */
export async function whatIsWrong(client: Client, made: number, ofWeek: number): Promise<string[]> {
  const { rows } = await client.query<{ wrong: string | null }>(
    `WITH told AS MATERIALIZED (
       SELECT count(*) FILTER (WHERE what = 'update') AS updates, count(*) FILTER (WHERE what = 'insert') AS inserts,
         count(*) FILTER (WHERE what = 'nothing') AS brief FROM shop.done),
     there AS MATERIALIZED (SELECT sum(changes) AS changes, count(*) AS orders, count(DISTINCT id) AS ids FROM shop.orders),
     logged AS MATERIALIZED (SELECT count(*) FILTER (WHERE what = 'INSERT') AS inserts,
         count(*) FILTER (WHERE what = 'DELETE') AS deletes FROM shop.journal)
     SELECT CASE WHEN there.changes <> told.updates THEN format('%s of %s updates', there.changes, told.updates) END AS wrong
     FROM told, there
     UNION ALL SELECT CASE WHEN there.orders <> $1::bigint + $2 + told.inserts
       THEN format('%s of %s orders', there.orders, $1::bigint + $2 + told.inserts) END FROM told, there
     UNION ALL SELECT CASE WHEN there.ids <> there.orders THEN 'orders are there twice' END FROM there
     UNION ALL SELECT CASE WHEN logged.inserts <> $2 + told.inserts + told.brief OR logged.deletes <> told.brief
       THEN format('triggers fired %s and %s times', logged.inserts, logged.deletes) END FROM told, logged
     UNION ALL SELECT CASE WHEN EXISTS (SELECT FROM shop.payments p
         WHERE NOT EXISTS (SELECT FROM shop.orders o WHERE o.id = p.order_id)) THEN 'payments without an order' END`,
    [made, ofWeek],
  )
  return rows.flatMap(({ wrong }) => wrong ?? [])
}
