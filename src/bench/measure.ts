import type { ClientBase } from 'pg'
import type { Moment } from '../postgres/calmTime.ts'
import { momentQuery } from '../postgres/calmTime.ts'
import { quote } from '../postgres/identifiers.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { updatesIn } from '../syntax/updatedColumns.ts'

/** What one statement of a workload costs, over all its sets of arguments. */
export interface Measurement {
  /** Of the warm runs, planning and execution together, in milliseconds: the median, or what `choose` says. */
  ms: number
  /** Shared buffers touched in the median run, in blocks. */
  buffers: number
  /** Warm runs per set of arguments. */
  runs: number
}

export interface MeasureOptions {
  /** Warm runs per set of arguments; one cold run before them is not counted. */
  runs: number
  /** No new run starts after this many milliseconds, but there is always one warm run. */
  budgetMs: number
  /** Says which time of the warm runs counts; the median where absent. */
  choose?: (ms: number[]) => number
  /** Called before each run; not measured. */
  beforeRun?: (client: ClientBase) => Promise<void>
}

/**
 * Runs a statement as its role with its claims, as PostgREST would. The times are the server's own, so that neither
 * network nor client counts, nor the time for which other work of the machine keeps the processor. Every run is rolled back, so that writes leave nothing behind.
 *
 * ```sql
 * BEGIN; SET LOCAL ROLE authenticated; SELECT set_config('request.jwt.claims', ..., true);
 * EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE ...; ROLLBACK;
 * ```
 */
export async function measure(
  client: ClientBase,
  statement: WorkloadStatement,
  options: MeasureOptions,
): Promise<Measurement> {
  const [measured] = await measureInTurn([client], statement, options)
  if (!measured) throw new Error('one session, one measurement')
  return measured
}

/**
 * The same on several databases, with one warm run on each in turn: a disturbance of the machine affects all of them, and
 * their ratio stays the same.
 */
export async function measureInTurn(
  clients: ClientBase[],
  statement: WorkloadStatement,
  options: MeasureOptions,
): Promise<Measurement[]> {
  const perArguments: Measurement[][] = []
  for (const args of statement.args) {
    perArguments.push(await measureWith(clients, statement, args, options))
  }
  return clients.map((_, at) => {
    const own = perArguments.map((measured) => measured[at] as Measurement)
    return {
      ms: average(own.map(({ ms }) => ms)),
      buffers: average(own.map(({ buffers }) => buffers)),
      runs: Math.min(...own.map(({ runs }) => runs)),
    }
  })
}

/** Statements faster than this run once more, uncounted, before each run that counts. */
const quickMs = 20

/** With each message that a session gets it waits for a processor; for all of those of a run this long at most when the machine is calm. */
const wakeUpMs = 0.3
/** A run that waited by so much of its time counts as undisturbed. */
const calmShare = 0.01

async function measureWith(
  clients: ClientBase[],
  statement: WorkloadStatement,
  args: string[],
  { runs, budgetMs, beforeRun, choose }: MeasureOptions,
): Promise<Measurement[]> {
  for (const client of clients) await runOnce(client, statement, args)
  // An extra run of an update would leave a further dead version, so updates are only planned before a run that counts.
  const updates = ((await updatesIn(statement.sql)) ?? []).length > 0
  const started = performance.now()
  const measured = clients.map((): Run[] => [])
  for (let run = 0; run < runs; run += 1) {
    if (run > 0 && performance.now() - started >= budgetMs) break
    for (const [at, client] of clients.entries()) {
      const own = measured[at] ?? []
      // The runs on the other databases have emptied the processor's caches, so first warm them again.
      if (clients.length > 1 && !beforeRun && (own.at(-1)?.ms ?? Infinity) < quickMs) {
        await (updates ? planOnce : runOnce)(client, statement, args)
      }
      await beforeRun?.(client)
      own.push(await runOnce(client, statement, args))
    }
  }
  return measured.map((all) => {
    const own = calmRuns(all)
    const [middle] = own.sort((a, b) => a.ms - b.ms).slice(Math.floor((own.length - 1) / 2))
    const ms = choose ? choose(own.map((run) => run.ms)) : (middle?.ms ?? 0)
    return { ms, buffers: middle?.buffers ?? 0, runs: own.length }
  })
}

interface Run {
  ms: number
  /** Milliseconds in which the process waited for a processor, from shortly before the run until shortly after it. */
  waited: number
  buffers: number
}

/** Those that waited for no processor but to begin, if they are a third; else the third that waited least. */
function calmRuns(runs: readonly Run[]): Run[] {
  const calm = runs.filter(({ ms, waited }) => waited <= wakeUpMs + calmShare * ms)
  const third = Math.ceil(runs.length / 3)
  if (calm.length >= third) return calm
  return runs.toSorted((one, other) => one.waited / one.ms - other.waited / other.ms).slice(0, third)
}

async function runOnce(client: ClientBase, statement: WorkloadStatement, args: string[]): Promise<Run> {
  const before = await waitedUntilNow(client)
  const explained = await explainAsRole(client, statement, args, 'ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON')
  return {
    ms: (explained['Planning Time'] ?? 0) + (explained['Execution Time'] ?? 0),
    waited: (await waitedUntilNow(client)) - before,
    buffers: explained.Plan['Shared Hit Blocks'] + explained.Plan['Shared Read Blocks'],
  }
}

async function waitedUntilNow(client: ClientBase): Promise<number> {
  const { rows } = await client.query<Moment>(momentQuery)
  return rows[0]?.waited ?? 0
}

async function planOnce(client: ClientBase, statement: WorkloadStatement, args: string[]): Promise<void> {
  await explainAsRole(client, statement, args, 'FORMAT JSON')
}

async function explainAsRole(
  client: ClientBase,
  statement: WorkloadStatement,
  args: string[],
  options: string,
): Promise<Explained> {
  const types = statement.types.length > 0 ? `(${statement.types.join(', ')})` : ''
  const values = args.length > 0 ? `(${args.join(', ')})` : ''
  await client.query('BEGIN')
  try {
    await client.query(`SELECT set_config('request.jwt.claims', $1, true)`, [
      JSON.stringify(statement.claims ?? {}),
    ])
    if (statement.role) await client.query(`SET LOCAL ROLE ${quote(statement.role)}`)
    // A request is planned for its own values; without this, the sixth execution may get a generic plan.
    await client.query('SET LOCAL plan_cache_mode = force_custom_plan')
    await client.query(`PREPARE hundredfold_measure ${types} AS ${statement.sql}`)
    const result = await client.query<{ 'QUERY PLAN': [Explained] }>(
      `EXPLAIN (${options}) EXECUTE hundredfold_measure${values}`,
    )
    const explained = result.rows[0]?.['QUERY PLAN'][0]
    if (!explained) throw new Error('EXPLAIN returned no plan')
    return explained
  } finally {
    await client.query('ROLLBACK')
    await client.query('DEALLOCATE ALL')
  }
}

interface Explained {
  /** Both in milliseconds; absent if nothing ran. */
  'Planning Time'?: number
  'Execution Time'?: number
  Plan: { 'Shared Hit Blocks': number; 'Shared Read Blocks': number }
}

function average(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
