import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runUp } from '../migrate/run.ts'
import { callCommand } from '../support/commandLine.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

let database: TestDatabase
let owner: Client
let folder: string

beforeAll(async () => {
  database = await createDatabase({ from: 'empty' })
  owner = await database.connect(database.ownerUrl)
  folder = await mkdtemp(join(tmpdir(), 'hundredfold-partition-'))
  await owner.query(`
    CREATE TABLE public.orders (id bigint PRIMARY KEY, region text NOT NULL, customer_id integer NOT NULL, day date NOT NULL);
    INSERT INTO public.orders SELECT n, (ARRAY['north', 'south'])[1 + n % 2], n, current_date FROM generate_series(1, 500) n;
    CREATE TABLE public.visits AS TABLE public.orders;
    ALTER TABLE public.visits ADD PRIMARY KEY (id, customer_id)`)
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await database.drop()
})

function run(command: string) {
  return callCommand([...command.split(' '), '--out', folder], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
}

const byRegion = 'partition --table orders --key region'

test.each([
  [byRegion, 'A range needs --every'],
  [`${byRegion} --every month --by list --rewrite-history`, '--every has no meaning with --by list'],
  [`${byRegion} --every month --by hash --rewrite-history`, '--every has no meaning with --by hash'],
  [`${byRegion} --by list --modulus 8 --rewrite-history`, '--modulus has no meaning with --by list'],
  [`${byRegion} --every month --modulus 8`, '--modulus has no meaning with --by range'],
  [`${byRegion} --by hash --modulus 1 --rewrite-history`, '--modulus 1 is no number of partitions'],
  [`${byRegion} --by hash --modulus 1025 --rewrite-history`, 'from 2 to 1024'],
  [`${byRegion} --by list --rewrite-history --cutoff 2027-01-01`, '--cutoff has no meaning with --by list'],
  [`${byRegion} --by hash --rewrite-history --retention 1year`, '--retention has no meaning with --by hash'],
  [`${byRegion} --by list --rewrite-history --ahead 2`, '--ahead has no meaning with --by list'],
  [`${byRegion} --by list --rewrite-history --workload w.sql`, '--workload has no meaning with --by list'],
  [`${byRegion} --by list`, 'Give --rewrite-history too'],
  [`${byRegion} --by hash`, 'a partition of everything up to now has rows of every value'],
  [`${byRegion} --every month --rewrite-history --cutoff 2027-01-01`, 'no meaning with --rewrite-history'],
])('%s is refused with what to do', async (command, message) => {
  const { exitCode, err } = await run(command)
  expect(err).toContain(message)
  expect(exitCode).toBe(5)
  expect(await readdir(folder)).toEqual([])
})

test('more values than a list takes are refused with their number', async () => {
  const { exitCode, out } = await run(
    'partition --table visits --key customer_id --by list --rewrite-history',
  )
  expect(exitCode).toBe(2)
  expect(out).toContain(
    'stops    public.visits.customer_id: it has 500 values, and a list at most 100; take --by hash',
  )
})

test('a list is written on request, without a judgement', async () => {
  const { exitCode, out } = await run(`${byRegion} --by list --rewrite-history --accept orders_pkey --yes`)
  expect(exitCode).toBe(0)
  expect(out).toContain(
    'public.orders is copied into 2 partitions, one for each value of region; public.orders_default takes values that come later.',
  )
  expect(out).toContain('Whether that pays is not judged')
  expect((await runUp(owner, folder)).failure?.message).toBeUndefined()
  const { rows } = await owner.query(
    `SELECT inhrelid::regclass::text AS leaf FROM pg_inherits WHERE inhparent = 'public.orders'::regclass ORDER BY 1`,
  )
  expect(rows).toEqual([{ leaf: 'orders_default' }, { leaf: 'orders_north' }, { leaf: 'orders_south' }])
})

test('a hash has 16 partitions unless another number is given', async () => {
  const { exitCode, out } = await run(
    'partition --table visits --key customer_id --by hash --rewrite-history --yes --json -',
  )
  expect(exitCode).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ key: 'customer_id', worthwhile: null, refused: [] })
  expect((await runUp(owner, folder)).failure?.message).toBeUndefined()
  const { rows } = await owner.query(
    `SELECT tableoid::regclass::text AS leaf, count(*)::int AS rows FROM public.visits GROUP BY 1`,
  )
  expect(rows).toHaveLength(16)
})

test('the clean-up wants the way in which the table is partitioned', async () => {
  const { exitCode, err } = await run('partition --table orders --key region --by hash --rewrite-history')
  expect(err).toContain('public.orders is partitioned by list of region already')
  expect(err).toContain('--by list')
  expect(exitCode).toBe(5)
})

test('upkeep finds nothing to make ahead in lists and hashes', async () => {
  const { exitCode, out } = await callCommand(['maintain', 'daily', '--plan', '--json', '-'], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expect(exitCode).toBe(0)
  const { due, cannot } = JSON.parse(out) as { due: { task: string }[]; cannot: string[] }
  expect(due.filter(({ task }) => task === 'partitions' || task === 'retention')).toEqual([])
  expect(cannot).toEqual([])
})

test('a diagnosis reads such tables like others', async () => {
  const { exitCode, out, err } = await callCommand(['diagnose', '--json', '-', '--out', folder], {
    environment: { DIRECT_URL: database.ownerUrl },
  })
  expect(err).not.toMatch(/failed/)
  expect(exitCode).toBe(0)
  const { findings, sections } = JSON.parse(out) as {
    findings: { rule: string }[]
    sections: { id: string; status: string }[]
  }
  expect(sections.filter(({ status }) => status === 'failed')).toEqual([])
  expect(findings.filter(({ rule }) => rule === 'partition_candidate')).toEqual([])
})
