import { afterAll, beforeAll } from 'vitest'
import { connect } from '../../../src/db/connect.ts'
import type { HeldRequest } from '../../support/wireProxy.ts'
import type { Arena } from './arena.ts'
import { openArena } from './arena.ts'
import { Barrier } from './barrier.ts'
import type { Runners } from './runners.ts'
import { startRunners } from './runners.ts'
import type { Walk } from './walk.ts'
import { walk } from './walk.ts'

const walkers = 32

let arena: Arena
let runners: Runners

/** A server and a process to be harmed, for the tests of the file that calls it. */
export function prepareFaults(): void {
  beforeAll(async () => {
    arena = await openArena()
    runners = await startRunners()
  })
  afterAll(async () => {
    runners.close()
    await arena.stop()
  })
}

type Fault = (barrier: Barrier, superuserUrl: string) => Pick<Walk, 'strike' | 'run'>

type Share = Pick<Walk, 'from' | 'to' | 'firstBoundary' | 'everySoMany'>

/** Each walker takes all boundaries of some of the migrations. */
export function shareMigrations(count: number): Share[] {
  return Array.from({ length: walkers }, (_, number) => ({
    from: Math.round((number * count) / walkers),
    to: Math.round(((number + 1) * count) / walkers),
    firstBoundary: 1,
    everySoMany: 1,
  }))
}

/** Each walker takes some of the boundaries of all migrations. */
export function shareBoundaries(count: number): Share[] {
  return Array.from({ length: walkers / 2 }, (_, number) => ({
    from: 0,
    to: count,
    firstBoundary: number + 1,
    everySoMany: walkers / 2,
  }))
}

/** Lets the walkers go, each on a database of its own; returns how many strikes there were. */
export async function walkAll(
  plan: Pick<Walk, 'directory' | 'everyRequest'>,
  template: 'casaora' | 'empty',
  shares: Share[],
  { fault, act }: FaultKind,
): Promise<number> {
  const barrier = new Barrier(shares.length, act)
  const strikes = await Promise.all(
    shares.map(async (share) => {
      try {
        const database = await arena.create(template)
        return await walk({ ...plan, ...database, ...share, ...fault(barrier, database.superuserUrl) })
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

export interface FaultKind {
  name: string
  fault: Fault
  /** What is done when all walkers stand still. */
  act: () => Promise<void>
}

export const faults: FaultKind[] = [
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

/** The count is part of the claim: a boundary that was not hit is not proven. */
export function report(name: string, what: string, strikes: number): void {
  process.stdout.write(`${name}: hit at ${strikes} boundaries of ${what}, all converged\n`)
}
