import { afterAll, beforeAll } from 'vitest'
import type { Client } from 'pg'
import { connect } from '../../../src/postgres/connect.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { up } from '../../../src/migrate/up.ts'
import { readFingerprint } from '../../../src/fingerprint/fingerprint.ts'
import type { HeldRequest } from '../../support/wireProxy.ts'
import type { Arena } from './arena.ts'
import { openArena } from './arena.ts'
import { Barrier } from './barrier.ts'
import { Boundaries } from './boundaries.ts'
import { oneOfEachShape } from './oneOfEachShape.ts'
import type { Job, Runners } from './runners.ts'
import { startRunners } from './runners.ts'
import type { Walk } from './walk.ts'
import { walk } from './walk.ts'
import { loadWithoutProofs } from './withoutProofs.ts'

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

/** A database that stands before the migration at `position`, by its name. */
export interface Stand {
  position: number
  template: string
  fingerprint: string
}

/** One database before each migration of a new shape, made on the way up from another one, for walkers to copy. */
export async function prepareStands(directory: string, from: 'casaora' | 'template0'): Promise<Stand[]> {
  const migrations = await loadWithoutProofs(directory)
  const run = async <T>(url: string, work: (client: Client) => Promise<T>) => {
    const client = await connect(url)
    return work(client).finally(() => client.end())
  }
  const way = await arena.create(from)
  const stands: Stand[] = []
  for (const position of await run(way.ownerUrl, (client) => oneOfEachShape(migrations, client))) {
    const before = migrations.slice(0, position)
    // The walk from the first migration begins without a ledger.
    if (position > 0) await run(way.ownerUrl, (client) => up(before, {}, { ...defaultRunOptions, client }))
    const { text: fingerprint } = await run(way.superuserUrl, readFingerprint)
    stands.push({ position, fingerprint, template: (await arena.create(way.name)).name })
  }
  return stands
}

/** Lets the walkers go, each on databases of its own, until no boundary is left; returns how many strikes there were. */
export async function walkAll(
  plan: Pick<Walk, 'directory' | 'everyRequest'> & { commands: Job['command'][] },
  stands: Stand[],
  { fault, act, walkers }: FaultKind,
): Promise<number> {
  const places = stands.map((stand) => ({ ...stand, boundaries: new Boundaries(plan.commands) }))
  const barrier = new Barrier(walkers, act)
  const strikes = await Promise.all(
    Array.from({ length: walkers }, async (_, number) => {
      let hits = 0
      try {
        for (;;) {
          const open = places.filter(({ boundaries }) => boundaries.areLeft())
          const place = open[number % open.length]
          if (!place) return hits
          const database = await arena.create(place.template)
          hits += await walk({ ...plan, ...place, ...database, ...fault(barrier, database.superuserUrl) })
        }
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
  walkers: number
}

/** Enough to keep the machine at work. Each one costs a copy of the database and a look at all of it. */
const few = 6
/** One crash hits as many. */
const many = 24

export const faults: FaultKind[] = [
  {
    name: 'the connection is cut (on the wire)',
    fault: () => ({ strike: (request) => Promise.resolve(request.cut()) }),
    act: () => Promise.resolve(),
    walkers: few,
  },
  {
    name: 'the session is terminated (pg_terminate_backend)',
    fault: (_, superuserUrl) => ({ strike: (request) => terminate(superuserUrl, request) }),
    act: () => Promise.resolve(),
    walkers: few,
  },
  {
    name: 'the server crashes (pg_ctl stop -m immediate)',
    fault: (barrier) => ({ strike: () => barrier.arrive() }),
    act: () => arena.crashAndRestart(),
    walkers: many,
  },
  {
    name: 'the runner is killed (SIGKILL of its process)',
    fault: (barrier) => ({ strike: () => barrier.arrive(), run: (job) => runners.run(job) }),
    act: () => runners.kill(),
    walkers: many,
  },
]

/** The count is part of the claim: a boundary that was not hit is not proven. */
export function report(name: string, what: string, strikes: number): void {
  process.stdout.write(`${name}: hit at ${strikes} boundaries of ${what}, all converged\n`)
}
