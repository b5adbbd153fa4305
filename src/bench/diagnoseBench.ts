import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Client, ClientBase } from 'pg'
import { connect } from '../postgres/connect.ts'
import { quote } from '../postgres/identifiers.ts'
import type { Config } from '../config.ts'
import { diagnose } from '../diagnose/diagnose.ts'
import { UsageError } from '../errors.ts'
import { startEmbedded } from '../servers/embedded.ts'
import { provideServer } from '../servers/provideServer.ts'
import type { Server } from '../servers/server.ts'
import { optimize } from '../optimize/optimize.ts'
import { writeMigrations } from '../optimize/writeMigrations.ts'
import { expectNoFailure } from '../rules/find.ts'
import type { Bench } from './bench.ts'
import { median } from '../median.ts'
import { benchRow } from './bench.ts'
import { generateOffice, neglectOffice, officeSize } from './officeSchema.ts'
import type { BenchRow } from './row.ts'

interface Scale {
  id: string
  tables: number
  indexes: number
  policies: number
  atMostMs: number
  atMostMegabytes: number
  /** `diagnose` may take this many times as long as `pg_dump --schema-only`. */
  atMostTimesDump?: number
  /** How often each of the two is measured. */
  runs: number
  make(client: ClientBase, onStep: (text: string) => void): Promise<void>
}

/** The one with the lowest memory limit first: memory that one run leaves behind counts for the next one. */
const scales: Scale[] = [
  {
    ...{ id: 'diagnose_544', ...officeSize, make: generateOffice },
    ...{ atMostMs: 3_000, atMostMegabytes: 300, runs: 5 },
  },
  uniform({ id: 'diagnose_500', tables: 500, policies: 250, atMostMs: 3_000, runs: 5 }),
  uniform({ id: 'diagnose_10000', tables: 10_000, policies: 5_000, atMostMs: 30_000, runs: 3 }),
]

/** Tables that are all alike, with three indexes each. */
function uniform(scale: Pick<Scale, 'id' | 'tables' | 'policies' | 'atMostMs' | 'runs'>): Scale {
  return {
    ...scale,
    indexes: scale.tables * 3,
    atMostMegabytes: 500,
    atMostTimesDump: 2,
    make: (client, onStep) => generateSchema(client, { ...scale, indexesPerTable: 3 }, onStep),
  }
}

/** For the first scale: the most files that a reviewer should have to read, and the fewest findings that they cover. */
const atMostFiles = 100
const atLeastFindings = 3_000
const [oldestServer, newestServer] = [14, 18]
const dumpEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin' }
/** A transaction holds a lock on everything that it makes; locks on this many tables fit into the default lock table. */
const tablesPerTransaction = 250

/** Time and memory of `diagnose` for large schemas, compared with `pg_dump --schema-only`. */
export const diagnoseBench: Bench = {
  id: 'diagnose',
  title: 'A look at large schemas',
  rowIds: [...scales.map(({ id }) => id), 'optimize_files'],
  async run({ config, onStep, signal }) {
    const server = await serverOfDump(config)
    try {
      const rows: BenchRow[] = []
      for (const scale of scales) {
        signal?.throwIfAborted()
        rows.push(...(await runScale(server, scale, onStep)))
      }
      return rows
    } finally {
      await server.stop()
    }
  },
}

/** pg_dump refuses a newer server: if it is older than ours, we start a server of its version, if that is installed. */
async function serverOfDump(config: Config): Promise<Server> {
  const version = await promisify(execFile)('pg_dump', ['--version'], { env: dumpEnvironment }).then(
    ({ stdout }) => Number(/ (\d+)\./.exec(stdout)?.[1]),
    () => NaN,
  )
  if (version >= oldestServer && version < newestServer && !config.testDatabaseUrl) {
    try {
      return await startEmbedded({ version })
    } catch (error) {
      // The version is not installed; any other error is thrown.
      if (!(error instanceof UsageError)) throw error
    }
  }
  return provideServer(config)
}

async function runScale(server: Server, scale: Scale, onStep: (text: string) => void): Promise<BenchRow[]> {
  const name = `bench_${randomBytes(4).toString('hex')}`
  const administrator = await connect(server.url())
  try {
    await administrator.query(`CREATE DATABASE ${quote(name)}`)
    const client = await connect(server.url(name))
    try {
      await scale.make(client, onStep)
      const row = toRow(scale, await measure(server.url(name), scale, onStep), server)
      if (scale.make !== generateOffice) return [row]
      onStep(`${scale.tables} tables: optimize`)
      await neglectOffice(client)
      return [row, await countFiles(client)]
    } finally {
      await client.end()
    }
  } finally {
    await administrator.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`)
    await administrator.end()
  }
}

/** Median times, and the peak memory of the first run of `diagnose`. */
interface Measured {
  ms: number
  megabytes: number
  /** Milliseconds, or the reason why it was not measured. */
  dump: number | string
}

/**
 * Measures pg_dump and diagnose in turn, so that other work of the machine affects both. The first run of each does not
 * count. Each run opens its own session, so that no run profits from the one before.
 */
async function measure(
  url: string,
  { tables, runs }: Scale,
  onStep: (text: string) => void,
): Promise<Measured> {
  const [dumps, looks]: [(number | string)[], number[]] = [[], []]
  let megabytes = 0
  for (let run = 0; run <= runs; run += 1) {
    onStep(`${tables} tables: pg_dump and diagnose, ${run === 0 ? 'to warm up' : `${run} of ${runs}`}`)
    const dump = await timeDump(url)
    const look = await timeLook(url)
    if (run === 0) {
      // In later runs, memory that earlier ones have left for the garbage collector would count too.
      megabytes = look.megabytes
      continue
    }
    dumps.push(dump)
    looks.push(look.ms)
  }
  const reason = dumps.find((each) => typeof each === 'string')
  return { ms: median(looks), megabytes, dump: reason ?? median(dumps.map(Number)) }
}

async function timeLook(url: string): Promise<Pick<Measured, 'ms' | 'megabytes'>> {
  let peak = 0
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50)
  try {
    const started = performance.now()
    const client = await connect(url)
    try {
      await diagnose(client)
    } finally {
      await client.end()
    }
    const ms = performance.now() - started
    return { ms, megabytes: Math.round(Math.max(peak, process.memoryUsage().rss) / 1_000_000) }
  } finally {
    clearInterval(sampler)
  }
}

function toRow(scale: Scale, { ms, megabytes, dump }: Measured, { version }: Server): BenchRow {
  const { id, tables, indexes, policies, atMostMs, atMostMegabytes, atMostTimesDump, runs } = scale
  const hasDump = typeof dump === 'number'
  const before = hasDump ? dump : atMostMs
  // Without a time of pg_dump there is no promise relative to it.
  const atMostTimes = hasDump ? atMostTimesDump : undefined
  const times = atMostTimes === undefined ? '' : `, at most ${atMostTimes.toFixed(1)} times pg_dump`
  return benchRow({
    id,
    title: `${tables.toLocaleString('en-US')} tables, ${indexes.toLocaleString('en-US')} indexes, ${policies.toLocaleString('en-US')} policies: ${hasDump ? 'pg_dump --schema-only' : 'the limit'}, then diagnose`,
    claim: `under ${atMostMs / 1_000} s and ${atMostMegabytes} MB${times}`,
    before,
    after: ms,
    unit: 'ms',
    met:
      ms < atMostMs &&
      megabytes < atMostMegabytes &&
      (atMostTimes === undefined || ms <= atMostTimes * before),
    how:
      `${hasDump ? `${(ms / dump).toFixed(2)} times pg_dump; ` : ''}` +
      `${megabytes} MB of memory at most in the first look, the program and its libraries included; ` +
      `the median of ${runs} runs${hasDump ? ' each, in turn' : ''}, warm, each with a session of its own, ` +
      `PostgreSQL ${version}${hasDump ? '' : `; ${dump}`}`,
  })
}

/** How many files `optimize` writes for the findings, including those of level `info`. */
async function countFiles(client: Client): Promise<BenchRow> {
  const directory = await mkdtemp(join(tmpdir(), 'files-'))
  try {
    const { found, choice, groups } = await optimize(client, { level: 'info', directory })
    expectNoFailure(found)
    await writeMigrations(directory, groups)
    const files = (await readdir(directory)).length
    const statements = groups.map(({ operation }) => operation.up.length)
    return benchRow({
      id: 'optimize_files',
      title: `Migrations for ${found.findings.length.toLocaleString('en-US')} findings: changes, then files`,
      claim: `at most ${atMostFiles} files for at least ${atLeastFindings.toLocaleString('en-US')} findings`,
      before: choice.operations.length,
      after: files,
      unit: 'files',
      met: files <= atMostFiles && found.findings.length >= atLeastFindings,
      how: `${choice.cures.length.toLocaleString('en-US')} findings get one; a file has ${median(statements)} statements in the median, ${Math.max(...statements)} at most`,
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Milliseconds of `pg_dump --schema-only`, or the reason why it was not measured. */
async function timeDump(url: string): Promise<number | string> {
  const started = performance.now()
  try {
    await promisify(execFile)(
      'pg_dump',
      ['--schema-only', '--file=/dev/null', `--dbname=${withoutPassword(url)}`],
      {
        // A command line can be read by everybody on the machine.
        env: { ...dumpEnvironment, PGPASSWORD: decodeURIComponent(new URL(url).password) },
      },
    )
    return performance.now() - started
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    if (text.includes('ENOENT')) return 'pg_dump is not installed'
    if (text.includes('version mismatch')) return 'the pg_dump installed here is older than the server'
    return 'pg_dump failed'
  }
}

function withoutPassword(url: string): string {
  const target = new URL(url)
  target.password = ''
  return target.href
}

/** Makes tables that refer to each other, each with its indexes, and policies on some of them. */
export async function generateSchema(
  client: ClientBase,
  { tables, indexesPerTable, policies }: Pick<Scale, 'tables' | 'policies'> & { indexesPerTable: number },
  onStep: (text: string) => void = () => undefined,
): Promise<void> {
  for (let first = 0; first < tables; first += tablesPerTransaction) {
    onStep(`${tables} tables: ${first} made`)
    const last = Math.min(tables, first + tablesPerTransaction) - 1
    await client.query(`
      DO $$
      BEGIN
        FOR n IN ${first}..${last} LOOP
          EXECUTE format('CREATE TABLE public.%I (id bigint PRIMARY KEY, owner uuid, parent bigint, status text, made timestamptz)', 't' || n);
          FOR k IN 1..${indexesPerTable - 1} LOOP
            EXECUTE format('CREATE INDEX %I ON public.%I (%s)', 't' || n || '_' || k || '_idx', 't' || n,
              (ARRAY['owner', 'status, made', 'parent, status'])[1 + k % 3]);
          END LOOP;
          IF n > 0 AND n % 3 = 0 THEN
            EXECUTE format('ALTER TABLE public.%I ADD FOREIGN KEY (parent) REFERENCES public.%I', 't' || n, 't' || (n - 1));
          END IF;
          IF n < ${policies} THEN
            EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', 't' || n);
            EXECUTE format('CREATE POLICY own ON public.%I USING (owner = (current_setting(''app.user'', true))::uuid)', 't' || n);
          END IF;
        END LOOP;
      END $$`)
  }
  await client.query('ANALYZE')
}
