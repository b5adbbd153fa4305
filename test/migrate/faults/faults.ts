import { afterAll, beforeAll } from 'vitest'
import type { Client } from 'pg'
import { connect } from '../../../src/db/connect.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { up } from '../../../src/migrate/up.ts'
import type { HeldRequest } from '../../support/wireProxy.ts'
import type { Arena } from './arena.ts'
import { openArena } from './arena.ts'
import { Barrier } from './barrier.ts'
import { oneOfEachShape } from './oneOfEachShape.ts'
import type { Runners } from './runners.ts'
import { startRunners } from './runners.ts'
import type { Walk } from './walk.ts'
import { walk } from './walk.ts'
import { loadWithoutProofs } from './withoutProofs.ts'

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

/** The part of one walker, and the database of which it gets a copy. */
type Share = Pick<Walk, 'from' | 'to' | 'firstBoundary' | 'everySoMany'> & { template: string }

/** A database that stands before the migration at `position`, by its name. */
export interface Stand {
  position: number
  template: string
}

/** One database before each migration of a new shape, made on the way up, for walkers to copy. */
export async function prepareStands(directory: string): Promise<Stand[]> {
  const migrations = await loadWithoutProofs(directory)
  const run = async <T>(url: string, work: (client: Client) => Promise<T>) => {
    const client = await connect(url)
    return work(client).finally(() => client.end())
  }
  const way = await arena.create('casaora')
  const stands: Stand[] = []
  for (const position of await run(way.ownerUrl, (client) => oneOfEachShape(migrations, client))) {
    await run(way.ownerUrl, (client) =>
      up(migrations.slice(0, position), {}, { ...defaultRunOptions, client }),
    )
    stands.push({ position, template: (await arena.create(way.name)).name })
  }
  return stands
}

/** Of few migrations, several walkers share the boundaries of one. */
export function shareStands(stands: Stand[]): Share[] {
  const ways = Math.max(1, Math.floor(walkers / stands.length))
  return stands.flatMap(({ position, template }) =>
    Array.from({ length: ways }, (_, way) => ({
      ...{ from: position, to: position + 1, template },
      ...{ firstBoundary: way + 1, everySoMany: ways },
    })),
  )
}

/** Each walker takes some of the boundaries of all migrations. */
export function shareBoundaries(count: number): Share[] {
  return Array.from({ length: walkers / 2 }, (_, number) => ({
    ...{ from: 0, to: count, template: 'template0' },
    ...{ firstBoundary: number + 1, everySoMany: walkers / 2 },
  }))
}

/** Lets the walkers go, each share on a database of its own; returns how many strikes there were. */
export async function walkAll(
  plan: Pick<Walk, 'directory' | 'everyRequest' | 'redo'>,
  shares: Share[],
  { fault, act }: FaultKind,
): Promise<number> {
  const parts: (Share & { ownerUrl: string; superuserUrl: string })[] = []
  for (const share of shares) parts.push({ ...share, ...(await arena.create(share.template)) })
  const count = Math.min(walkers, parts.length)
  const barrier = new Barrier(count, act)
  const strikes = await Promise.all(
    Array.from({ length: count }, async () => {
      let hits = 0
      try {
        for (let part = parts.shift(); part; part = parts.shift())
          hits += await walk({ ...plan, ...part, ...fault(barrier, part.superuserUrl) })
        return hits
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
