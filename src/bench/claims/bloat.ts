import type { Client, ClientBase } from 'pg'
import { connect } from '../../postgres/connect.ts'
import { quote } from '../../postgres/identifiers.ts'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import { benchRow } from '../bench.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import { readCasaoraWorkload } from '../casaora/database.ts'
import { measureInTurn } from '../measure.ts'
import type { BenchRow } from '../row.ts'

const returnedAtLeast = 35
const fasterAtLeast = 1.25
/** A table counts as churned if this share of its file holds no live row, by pgstattuple. */
const churnedAbove = 30
const warm = { runs: 9, budgetMs: 5_000 }
/** The first version whose pg_buffercache can evict single pages. */
const evictsSince = 170_000

/**
 * How much space VACUUM FULL returns in the tables that two years of changes left half empty, on a copy that nobody else
 * uses, and how much faster they are read then. Both databases are read in turn, without shared buffers, like tables that
 * do not fit into them. pgstattuple finds the tables.
 */
export async function bloatRows(
  original: CasaoraDatabase,
  copy: CasaoraDatabase,
  onStep: (text: string) => void,
): Promise<BenchRow[]> {
  const bloated = await connect(original.superuserUrl)
  const compact = await connect(copy.superuserUrl)
  try {
    onStep('measuring bloat')
    await compact.query('CREATE EXTENSION IF NOT EXISTS pgstattuple SCHEMA extensions')
    const tables = await listChurned(compact)
    const list = tables.map((table) => `public.${quote(table)}`).join(', ')
    const start = await sizeOf(compact, tables)
    await compact.query(`VACUUM ${list}`)
    const vacuumed = await sizeOf(compact, tables)
    onStep('VACUUM FULL')
    await compact.query(`VACUUM (FULL, ANALYZE) ${list}`)
    const full = await sizeOf(compact, tables)
    // The new file has no visibility map yet; the old one has one.
    await compact.query(`VACUUM ${list}`)
    const returned = percent(start, full)
    return [
      benchRow({
        id: 'bloat',
        title: `Disk that ${tables.length} churned tables take, before and after VACUUM FULL`,
        claim: '20-40 % of the disk',
        before: start,
        after: full,
        unit: 'bytes',
        met: returned >= returnedAtLeast,
        how: `${tables.join(', ')} with their indexes, found by pgstattuple (over ${churnedAbove} % of the heap without live rows): ${returned.toFixed(1)} % returned; plain VACUUM returned ${Math.abs(percent(start, vacuumed)).toFixed(1)} %`,
      }),
      await readingRow([bloated, compact], tables, onStep),
    ]
  } finally {
    await bloated.end()
    await compact.end()
  }
}

async function readingRow(
  clients: [Client, Client],
  tables: string[],
  onStep: (text: string) => void,
): Promise<BenchRow> {
  const evicts = await canEvict(clients[0])
  for (const client of clients) {
    if (evicts) await client.query('CREATE EXTENSION IF NOT EXISTS pg_buffercache SCHEMA extensions')
    await client.query('SET max_parallel_workers_per_gather = 0')
  }
  const beforeRun = (client: ClientBase): Promise<void> => evict(client, tables)
  const reads = await listReads(tables)
  const sum = { slow: 0, fast: 0, slowBuffers: 0, fastBuffers: 0, calls: 0 }
  for (const statement of reads) {
    onStep(`reading churned tables: ${statement.name}`)
    const [slow, fast] = await measureInTurn(clients, statement, {
      ...warm,
      ...(evicts ? { beforeRun } : {}),
    })
    sum.calls += statement.calls
    sum.slow += statement.calls * (slow?.ms ?? 0)
    sum.fast += statement.calls * (fast?.ms ?? 0)
    sum.slowBuffers += statement.calls * (slow?.buffers ?? 0)
    sum.fastBuffers += statement.calls * (fast?.buffers ?? 0)
  }
  return benchRow({
    id: 'bloat_scan',
    title: 'Statements that read these tables, without any new index',
    claim: '20 % faster',
    before: sum.slow / sum.calls,
    after: sum.fast / sum.calls,
    unit: 'ms',
    met: sum.slow / sum.fast >= fasterAtLeast,
    buffers: {
      before: Math.round(sum.slowBuffers / sum.calls),
      after: Math.round(sum.fastBuffers / sum.calls),
    },
    how: `${reads.length} statements of the workload that read one of them alone, as service_role, whom no policy slows; ${evicts ? 'the tables are not in shared buffers' : 'from shared buffers'}; mean of a call weighted by frequency, medians of ${warm.runs} runs on each database in turn`,
  })
}

async function listChurned(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name
     FROM pg_catalog.pg_class c, extensions.pgstattuple(c.oid) s
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
       AND s.free_percent + s.dead_tuple_percent > $1 AND s.table_len > 128 * 1024
     ORDER BY c.relname`,
    [churnedAbove],
  )
  return rows.map(({ name }) => name)
}

async function sizeOf(client: Client, tables: string[]): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    `SELECT sum(pg_catalog.pg_total_relation_size(pg_catalog.format('public.%I', name)::regclass)) AS bytes
     FROM pg_catalog.unnest($1::text[]) name`,
    [tables],
  )
  return Number(rows[0]?.bytes ?? 0)
}

/** Statements of the workload that read one of these tables and no other. */
async function listReads(tables: string[]): Promise<WorkloadStatement[]> {
  return (await readCasaoraWorkload())
    .filter(({ sql }) => {
      const read = [...sql.matchAll(/\b(?:FROM|JOIN)\s+(\w+)/g)].map(([, name]) => name ?? '')
      return sql.startsWith('SELECT') && read.length === 1 && tables.includes(read[0] ?? '')
    })
    .map((statement) => ({ ...statement, role: 'service_role' }))
}

async function canEvict(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT pg_catalog.current_setting('server_version_num')::int AS version`,
  )
  return (rows[0]?.version ?? 0) >= evictsSince
}

async function evict(client: ClientBase, tables: string[]): Promise<void> {
  await client.query(
    `SELECT count(extensions.pg_buffercache_evict(bufferid)) FROM extensions.pg_buffercache
     WHERE relfilenode = ANY (
       SELECT pg_catalog.pg_relation_filenode(pg_catalog.format('public.%I', name)::regclass)
       FROM pg_catalog.unnest($1::text[]) name)`,
    [tables],
  )
}

function percent(before: number, after: number): number {
  return (100 * (before - after)) / before
}
