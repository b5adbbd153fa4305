import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { casaoraMigrations } from '../../../src/bench/casaora/database.ts'
import { connect } from '../../../src/db/connect.ts'
import { loadMigrations } from '../../../src/migrate/loadMigrations.ts'
import type { HeldRequest } from '../../support/wireProxy.ts'
import type { Arena } from './arena.ts'
import { openArena } from './arena.ts'
import { Barrier } from './barrier.ts'
import { startRunners } from './runners.ts'
import type { Walk } from './walk.ts'
import { walk } from './walk.ts'

const walkers = 16

let arena: Arena

beforeAll(async () => {
  arena = await openArena()
})
afterAll(() => arena.stop())

type Fault = (barrier: Barrier, superuserUrl: string) => Pick<Walk, 'strike' | 'run'>

/** Divides the migrations among walkers, each on a database of its own; returns how many strikes there were. */
async function walkAll(directory: string, fault: Fault, act: () => Promise<void>): Promise<number> {
  const count = (await loadMigrations(directory)).length
  const barrier = new Barrier(walkers, act)
  const strikes = await Promise.all(
    Array.from({ length: walkers }, async (_, number) => {
      const [from, to] = [number, number + 1].map((edge) => Math.round((edge * count) / walkers))
      try {
        const database = await arena.create('casaora')
        return await walk(
          { directory, ...database, ...fault(barrier, database.superuserUrl) },
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

describe("every migration of Casaora's series, hit at every boundary, up and down", () => {
  test('the connection is cut', { timeout: 600_000 }, async () => {
    const strikes = await walkAll(
      casaoraMigrations,
      () => ({ strike: async (request) => request.cut() }),
      async () => undefined,
    )
    report('connection cut', strikes)
  })

  test('the session is terminated', { timeout: 600_000 }, async () => {
    const strikes = await walkAll(
      casaoraMigrations,
      (_, superuserUrl) => ({ strike: (request) => terminate(superuserUrl, request) }),
      async () => undefined,
    )
    report('session terminated', strikes)
  })

  test('the server crashes', { timeout: 600_000 }, async () => {
    const strikes = await walkAll(
      casaoraMigrations,
      (barrier) => ({ strike: () => barrier.arrive() }),
      () => arena.crashAndRestart(),
    )
    report('server crashed (pg_ctl stop -m immediate)', strikes)
  })

  test('the runner is killed', { timeout: 600_000 }, async () => {
    const runners = await startRunners()
    try {
      const strikes = await walkAll(
        casaoraMigrations,
        (barrier) => ({ strike: () => barrier.arrive(), run: (job) => runners.run(job) }),
        () => runners.kill(),
      )
      report('runner killed (SIGKILL)', strikes)
    } finally {
      runners.close()
    }
  })
})

/** The count is part of the claim: a boundary that was not hit is not proven. */
function report(fault: string, strikes: number): void {
  expect(strikes).toBeGreaterThan(500)
  process.stdout.write(`${fault} at ${strikes} boundaries of migrations/: all converged\n`)
}
