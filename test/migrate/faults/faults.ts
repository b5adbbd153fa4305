import { afterAll, beforeAll } from 'vitest'
import type { Client } from 'pg'
import { connect } from '../../../src/postgres/connect.ts'
import { loadMigrations } from '../../../src/migrate/loadMigrations.ts'
import type { Migration } from '../../../src/migrate/migration.ts'
import { defaultRunOptions } from '../../../src/migrate/runOptions.ts'
import { up } from '../../../src/migrate/up.ts'
import { readFingerprint } from '../../../src/fingerprint/fingerprint.ts'
import type { Arena } from './arena.ts'
import { openArena } from './arena.ts'
import { Boundaries } from './boundaries.ts'
import type { CompiledRunner } from './compileRunner.ts'
import { compileRunner } from './compileRunner.ts'
import type { HeldRun } from './heldRun.ts'
import { oneOfEachShape } from './oneOfEachShape.ts'
import type { Command, Runners } from './runners.ts'
import { startRunners } from './runners.ts'
import { untilRunnersAreGone } from './transactions.ts'
import type { Walk } from './walk.ts'
import { countBoundaries, walk } from './walk.ts'
import { withoutProofs } from '../../support/withoutProofs.ts'

let arena: Arena
let migrations: Migration[]
let program: CompiledRunner
let runners: Runners

/** A server and a process to be harmed, for the tests of the file that calls it, which run the directory's migrations. */
export function prepareFaults(findDirectory: () => Promise<string>): void {
  beforeAll(async () => {
    const loaded = await loadMigrations(await findDirectory())
    migrations = withoutProofs(loaded)
    arena = await openArena()
    program = await compileRunner(loaded)
    runners = await startRunners(program.path)
  })
  afterAll(async () => {
    runners.close()
    await program[Symbol.asyncDispose]()
    await arena.stop()
  })
}

/** A database that stands before the migration at `position`, by its name. */
export interface Stand {
  position: number
  template: string
  fingerprint: string
}

/** One database before each migration of a new shape, made on the way up from another one, for walkers to copy. */
export async function prepareStands(from: 'casaora' | 'template0'): Promise<Stand[]> {
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

/** What is done to runs that stand still at a boundary. */
export interface FaultKind {
  name: string
  strike: (held: HeldRun[]) => Promise<void>
  /** On how many databases runs are struck at once. */
  atOnce: number
  /** Where the runs are, if not in this process. */
  run?: Walk['run']
}

/**
 * Lets walkers go, each on a database of its own, until no boundary is left. Those that a fault hits at once take a
 * share each of all boundaries.
 *
 * @returns how many boundaries undisturbed runs have, and how many strikes there were
 */
export async function walkAll(
  { commands, everyRequest = false }: WhatToWalk,
  stands: Stand[],
  { strike, atOnce, run }: FaultKind,
): Promise<{ boundaries: number; strikes: number }> {
  const enter = async (stand: Stand, boundaries: Boundaries): Promise<Walk> => ({
    ...{ ...stand, boundaries, migrations, everyRequest, arena, isAlone: atOnce === 1 },
    database: await arena.create(stand.template),
    ...(run ? { run } : {}),
  })
  const counted = []
  for (const stand of stands) {
    const plan = await enter(stand, new Boundaries(commands))
    counted.push({ stand, plan, count: await countBoundaries(plan, commands) })
  }
  const boundaries = counted.reduce((sum, { count }) => sum + count, 0)
  const waiting = counted.flatMap(({ stand, plan, count }) => [
    () => Promise.resolve(plan),
    ...Array.from({ length: Math.round((count * atOnce) / boundaries) - 1 }, () => {
      return () => enter(stand, plan.boundaries)
    }),
  ])
  const walking = new Set<ReturnType<typeof walk>>()
  let strikes = 0
  try {
    while (waiting.length > 0 || walking.size > 0) {
      for (const plan of waiting.splice(0, atOnce - walking.size)) walking.add(walk(await plan()))
      const held: HeldRun[] = []
      for (const walker of walking) {
        const step = await walker.next()
        if (!step.done) held.push(step.value)
        else {
          strikes += step.value
          walking.delete(walker)
        }
      }
      if (held.length > 0) await strike(held)
    }
  } finally {
    for (const walker of walking) await walker.return(0)
  }
  return { boundaries, strikes }
}

interface WhatToWalk {
  commands: Command[]
  everyRequest?: boolean
}

/** Ends the runner's session from the server's side, as an administrator or a failover does. */
async function terminate({ database }: HeldRun): Promise<void> {
  const administrator = await arena.administrator()
  await administrator.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'hundredfold' AND datname = $1`,
    [database],
  )
  await untilRunnersAreGone(administrator, database)
}

const each = (strike: (held: HeldRun) => Promise<void> | void) => async (all: HeldRun[]) => {
  for (const held of all) await strike(held)
}

/** A crash or a start of Node takes about as long as a copy of a database and a look at all of it: as many as make the sum small. */
const many = 16

export const faults: FaultKind[] = [
  {
    name: 'the connection is cut (on the wire)',
    strike: each(({ request }) => request.cut()),
    atOnce: 1,
  },
  {
    name: 'the session is terminated (pg_terminate_backend)',
    strike: each(terminate),
    atOnce: 1,
  },
  {
    name: 'the server crashes (pg_ctl stop -m immediate)',
    strike: () => arena.crashAndRestart(),
    atOnce: many,
  },
  {
    name: 'the runner is killed (SIGKILL of its process)',
    strike: () => runners.kill(),
    atOnce: many,
    run: (job) => runners.run(job),
  },
]

/** The count is part of the claim: a boundary that was not hit is not proven. */
export function report(name: string, what: string, strikes: number): void {
  process.stdout.write(`${name}: hit at ${strikes} boundaries of ${what}, all converged\n`)
}
