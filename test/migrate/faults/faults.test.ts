import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { casaoraMigrations } from '../../../src/bench/casaora/database.ts'
import { connect } from '../../../src/db/connect.ts'
import { loadMigrations } from '../../../src/migrate/loadMigrations.ts'
import { migrationDirectory } from '../../support/migrationFiles.ts'
import type { HeldRequest } from '../../support/wireProxy.ts'
import type { Arena } from './arena.ts'
import { openArena } from './arena.ts'
import { Barrier } from './barrier.ts'
import { madeSet } from './madeSet.ts'
import type { Runners } from './runners.ts'
import { startRunners } from './runners.ts'
import type { Walk } from './walk.ts'
import { walk } from './walk.ts'

const mostWalkers = 24

let arena: Arena

beforeAll(async () => {
  arena = await openArena()
  runners = await startRunners()
})
afterAll(async () => {
  runners.close()
  await arena.stop()
})

type Fault = (barrier: Barrier, superuserUrl: string) => Pick<Walk, 'strike' | 'run'>

/** Divides the migrations among walkers, each on a database of its own; returns how many strikes there were. */
async function walkAll(
  directory: string,
  { from: template, everyRequest = false }: { from: 'casaora' | 'empty'; everyRequest?: boolean },
  fault: Fault,
  act: () => Promise<void>,
): Promise<number> {
  const count = (await loadMigrations(directory)).length
  const walkers = Math.min(count, mostWalkers)
  const barrier = new Barrier(walkers, act)
  const strikes = await Promise.all(
    Array.from({ length: walkers }, async (_, number) => {
      const [from, to] = [number, number + 1].map((edge) => Math.round((edge * count) / walkers))
      try {
        const database = await arena.create(template)
        return await walk(
          { directory, ...database, everyRequest, ...fault(barrier, database.superuserUrl) },
          from ?? 0,
          to ?? 0,
        )
      } finally {
        barrier.leave()
      }
    }),
  )
  return strikes.reduce((sum, each) => sum + each, 0)
}

/** Ends the runner's session from the server's side, as an administrator or a failover does. */
async function terminate(superuserUrl: string, request: HeldRequest): Promise<void> {
  const client = await connect(superuserUrl, { applicationName: 'administrator' })
  await client.query(
    `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
     WHERE application_name = 'hundredfold' AND datname = current_database()`,
  )
  await client.end()
  request.pass()
}

interface FaultKind {
  name: string
  fault: Fault
  /** What is done when all walkers stand still. */
  act: () => Promise<void>
}

let runners: Runners

const faults: FaultKind[] = [
  {
    name: 'the connection is cut (on the wire)',
    fault: () => ({ strike: (request) => Promise.resolve(request.cut()) }),
    act: () => Promise.resolve(),
  },
  {
    name: 'the session is terminated (pg_terminate_backend)',
    fault: (_, superuserUrl) => ({ strike: (request) => terminate(superuserUrl, request) }),
    act: () => Promise.resolve(),
  },
  {
    name: 'the server crashes (pg_ctl stop -m immediate)',
    fault: (barrier) => ({ strike: () => barrier.arrive() }),
    act: () => arena.crashAndRestart(),
  },
  {
    name: 'the runner is killed (SIGKILL of its process)',
    fault: (barrier) => ({ strike: () => barrier.arrive(), run: (job) => runners.run(job) }),
    act: () => runners.kill(),
  },
]

describe.each(faults)('$name', ({ name, fault, act }) => {
  /** The count is part of the claim: a boundary that was not hit is not proven. */
  function report(what: string, strikes: number): void {
    process.stdout.write(`${name}: hit at ${strikes} boundaries of ${what}, all converged\n`)
  }

  test('at every request of a set made for it, up, redo and down', { timeout: 600_000 }, async () => {
    await using files = await migrationDirectory(madeSet)
    const strikes = await walkAll(files.path, { from: 'empty', everyRequest: true }, fault, act)
    report('the made set', strikes)
    expect(strikes).toBeGreaterThan(200)
  })

  test("at every statement of Casaora's migrations, up and down", { timeout: 600_000 }, async () => {
    const strikes = await walkAll(casaoraMigrations, { from: 'casaora' }, fault, act)
    report('migrations/', strikes)
    expect(strikes).toBeGreaterThan(1_000)
  })
})
