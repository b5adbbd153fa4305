import { readFile } from 'node:fs/promises'
import type { ClientBase } from 'pg'
import { parseWorkload } from '../../../workload/workloadFile.ts'
import type { WorkloadStatement } from '../../../workload/workloadFile.ts'

/**
 * Fills an empty database with the tables of TPC-H: primary keys, foreign keys, and no other index. The rows are the same
 * every time, and ours: they follow the distributions that the queries depend on, and are not those of TPC's generator.
 *
 * @param scale 1 for 6 million lines of orders; at least 0.01, since a part has four suppliers
 */
export async function loadTpch(client: ClientBase, scale: number): Promise<void> {
  await client.query(await readText('schema.sql'))
  await client.query(`SELECT pg_catalog.set_config('tpch.scale', $1, false)`, [`${scale}`])
  try {
    await client.query(await readText('rows.sql'))
  } finally {
    await client.query('RESET tpch.scale')
  }
  await client.query('VACUUM (ANALYZE)')
}

/** The 22 queries. */
export async function readTpchQueries(): Promise<WorkloadStatement[]> {
  return parseWorkload(await readText('workload.sql'))
}

async function readText(file: string): Promise<string> {
  return readFile(new URL(file, import.meta.url), 'utf8')
}
