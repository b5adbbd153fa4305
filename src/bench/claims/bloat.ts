import type { Client } from 'pg'
import { connect } from '../../db/connect.ts'
import { quote } from '../../db/identifiers.ts'
import type { WorkloadStatement } from '../../db/workloadFile.ts'
import { benchRow } from '../bench.ts'
import type { CasaoraDatabase } from '../casaora/database.ts'
import { readCasaoraWorkload } from '../casaora/database.ts'
import { measure } from '../measure.ts'
import type { BenchRow } from '../row.ts'

const returnedAtLeast = 35
const fasterAtLeast = 1.25
/** A table counts as churned where this share of its file holds no live row, as pgstattuple measures it. */
const churnedAbove = 30
const warm = { runs: 15, budgetMs: 3_000 }

/**
 * What VACUUM FULL returns of the tables that two years of changes left half empty, on a copy that nobody else
 * uses; plain VACUUM has run and returned nothing. The tables are those that pgstattuple finds.
 */
export async function bloatRows(copy: CasaoraDatabase, onStep: (text: string) => void): Promise<BenchRow[]> {
  const client = await connect(copy.superuserUrl)
  try {
    onStep('measuring bloat')
    await client.query('CREATE EXTENSION IF NOT EXISTS pgstattuple SCHEMA extensions')
    const tables = await listChurned(client)
    const list = tables.map((table) => `public.${quote(table)}`).join(', ')
    const start = await sizeOf(client, tables)
    await client.query(`VACUUM ${list}`)
    const vacuumed = await sizeOf(client, tables)
    const reads = await listReads(tables)
    const slow = await readAll(client, reads)
    onStep('VACUUM FULL')
    await client.query(`VACUUM (FULL, ANALYZE) ${list}`)
    const full = await sizeOf(client, tables)
    const fast = await readAll(client, reads)
    const returned = percent(vacuumed, full)
    return [
      benchRow({
        id: 'bloat',
        title: `Disk that ${tables.length} churned tables take, before and after VACUUM FULL`,
        claim: '20-40 % of the disk',
        before: start,
        after: full,
        unit: 'bytes',
        met: returned >= returnedAtLeast,
        how: `${tables.join(', ')} with their indexes, found by pgstattuple (over ${churnedAbove} % of the heap without live rows): ${returned.toFixed(1)} % returned; plain VACUUM returned ${percent(start, vacuumed).toFixed(1)} %`,
      }),
      benchRow({
        id: 'bloat_scan',
        title: 'Statements that read these tables',
        claim: '20 % faster',
        before: slow.ms,
        after: fast.ms,
        unit: 'ms',
        met: slow.ms / fast.ms >= fasterAtLeast,
        buffers: { before: slow.buffers, after: fast.buffers },
        how: `${reads.map(({ name }) => name).join(', ')} of the workload, which the server itself sends, without any new index; sums of medians of ${warm.runs} warm runs`,
      }),
    ]
  } finally {
    await client.end()
  }
}

async function listChurned(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name
     FROM pg_catalog.pg_class c, extensions.pgstattuple(c.oid) s
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
       AND s.free_percent + s.dead_tuple_percent > $1 AND s.table_len > 1024 * 1024
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

/** Statements of the workload that read one of these tables and meet no policy, which would hide the difference. */
async function listReads(tables: string[]): Promise<WorkloadStatement[]> {
  const named = new RegExp(`\\b(${tables.join('|')})\\b`)
  return (await readCasaoraWorkload()).filter(
    ({ role, sql }) => role === 'service_role' && sql.startsWith('SELECT') && named.test(sql),
  )
}

async function readAll(client: Client, reads: WorkloadStatement[]): Promise<{ ms: number; buffers: number }> {
  const sum = { ms: 0, buffers: 0 }
  for (const statement of reads) {
    const { ms, buffers } = await measure(client, statement, warm)
    sum.ms += ms
    sum.buffers += buffers
  }
  return sum
}

function percent(before: number, after: number): number {
  return (100 * (before - after)) / before
}
