import type { Migration } from '../../src/migrate/migration.ts'
import { startWireProxy } from '../support/wireProxy.ts'
import type { Arena, ArenaDatabase } from '../migrate/faults/arena.ts'
import type { HeldRun, RunPlan } from '../migrate/faults/heldRun.ts'
import { runUntil } from '../migrate/faults/heldRun.ts'
import { transactionMark, untilRunnersAreGone, wasCommitted } from '../migrate/faults/transactions.ts'
import { connect } from '../../src/postgres/connect.ts'

export interface SeriesWalk {
  arena: Arena
  database: ArenaDatabase
  migrations: Migration[]
  command: 'up' | 'down'
  /** What is done to each run, in turn. */
  strikes: ((held: HeldRun) => Promise<void> | void)[]
  /** Of so many boundaries one is hit. */
  stride: number
}

/**
 * Runs the whole series on one database, struck at boundary after boundary: each run goes on where the last one was cut
 * off, and is struck at one of its first boundaries if that one had committed something, else at a later one.
 *
 * @returns how many times it was struck before a run came to its end
 */
export async function walkSeries(walk: SeriesWalk): Promise<number> {
  const { arena, database, migrations, command, strikes, stride } = walk
  const proxy = await startWireProxy(database.ownerUrl)
  const blocker = await connect(database.superuserUrl, { applicationName: 'test' })
  const administrator = await arena.administrator()
  const plan: RunPlan = {
    ...{ database: database.name, ownerUrl: database.ownerUrl, migrations, position: 0, command, proxy },
    blocker: () => Promise.resolve(blocker),
    begin: /pg_try_advisory_lock/,
    target: command === 'up' ? {} : { count: migrations.length },
  }
  try {
    for (let count = 0, boundary = 1; ; count += 1) {
      const from = await transactionMark(administrator)
      const held = await runUntil(plan, boundary)
      if (typeof held === 'number') return count
      await strikes[count % strikes.length]?.(held)
      await held.release()
      await untilRunnersAreGone(administrator, database.name)
      const until = await transactionMark(administrator)
      boundary = (await wasCommitted(administrator, from, until)) ? 1 + (count % stride) : boundary + stride
    }
  } finally {
    await blocker.end()
    await proxy.close()
  }
}
