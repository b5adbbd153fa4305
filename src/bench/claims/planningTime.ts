import type { ClientBase } from 'pg'

/** Milliseconds to plan the statement below on the reference machine, for which bounds in milliseconds were set. */
export const referencePlanningMs = 2.3

const runs = 25

/** A join without a table: no index, policy or statistic of the database changes its plan. */
const statement = `SELECT FROM ${Array.from({ length: 7 }, (_, at) => `generate_series(1, 10) AS t${at} (n)`).join(' NATURAL JOIN ')}`

/**
 * Milliseconds that the server takes to plan one fixed statement, which shows how fast the machine is now. It is the lowest
 * of 25 runs, so that a pause does not make the machine look slow.
 */
export async function readPlanningTime(client: ClientBase): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const { rows } = await client.query<{ 'QUERY PLAN': [{ 'Planning Time': number }] }>(
      `EXPLAIN (SUMMARY, FORMAT JSON) ${statement}`,
    )
    for (const { 'QUERY PLAN': plan } of rows) times.push(plan[0]['Planning Time'])
  }
  return Math.min(...times)
}
