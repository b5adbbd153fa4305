import type { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { loadMigrations } from '../../src/migrate/loadMigrations.ts'
import type { Migration } from '../../src/migrate/migration.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import type { PartitionRequest } from '../../src/partition/request.ts'
import { connect } from '../../src/postgres/connect.ts'
import type { Arena, ArenaDatabase } from '../migrate/faults/arena.ts'
import { openArena } from '../migrate/faults/arena.ts'
import type { HeldRun } from '../migrate/faults/heldRun.ts'
import { walksEverything } from '../migrate/faults/heldRun.ts'
import { untilRunnersAreGone } from '../migrate/faults/transactions.ts'
import { runDown, runUp } from '../migrate/run.ts'
import type { MigrationDirectory } from '../support/migrationFiles.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { checksums, newOrders, shop } from './shop.ts'
import { walkSeries } from './walkSeries.ts'
import { writeSeries } from './writeSeries.ts'

/** A database at one end of the series, to be copied, and what is in it. */
export interface Stage {
  template: string
  fingerprint: string
  rows: unknown
}

/** A server of its own with a shop before the series, and after an undisturbed run of it with new rows. */
export interface KillScene {
  arena: Arena
  directory: string
  start: Stage
  top: Stage
  /** Strikes the whole series at boundary after boundary, up or down; resolves to how many times. */
  walk: (database: ArenaDatabase, command: 'up' | 'down', walk: WalkKind) => Promise<number>
  /** A run that nobody disturbs comes to its end, and everything is as after a run that nobody disturbed at all. */
  expectUp: (database: ArenaDatabase) => Promise<void>
  expectDown: (database: ArenaDatabase) => Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

interface WalkKind {
  name: string
  strikes: ('cut' | 'terminate')[]
  stride: number
}

/** A sample of the boundaries, and each of them with `FAULTS=all`. */
const walks: WalkKind[] = walksEverything
  ? [
      { name: 'cut', strikes: ['cut'], stride: 1 },
      { name: 'terminated', strikes: ['terminate'], stride: 1 },
    ]
  : [{ name: 'cut and terminated', strikes: ['cut', 'terminate'], stride: 9 }]

export async function openKillScene(request: PartitionRequest): Promise<KillScene> {
  const arena = await openArena()
  const files = await migrationDirectory()
  const ground = await arena.create('template0')
  await as(ground.ownerUrl, async (owner) => {
    await owner.query(shop)
    const plan = await planPartitions(owner, request)
    expect(plan.refused).toEqual([])
    await writeSeries(files.path, plan.operations)
  })
  const migrations = await loadMigrations(files.path)
  const start = await stageOf(ground)
  const way = await arena.create(ground.name)
  await as(way.ownerUrl, async (owner) => {
    expect((await runUp(owner, files.path)).failure).toBeUndefined()
    await owner.query(newOrders)
  })
  const top = await stageOf(way)
  return { arena, directory: files.path, start, top, ...actions({ arena, files, migrations, start, top }) }
}

interface Parts extends Pick<KillScene, 'arena' | 'start' | 'top'> {
  files: MigrationDirectory
  migrations: Migration[]
}

function actions({ arena, files, migrations, start, top }: Parts) {
  const terminate = async ({ database }: HeldRun): Promise<void> => {
    const administrator = await arena.administrator()
    await administrator.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hundredfold' AND datname = $1`,
      [database],
    )
    await untilRunnersAreGone(administrator, database)
  }
  const kinds = { cut: ({ request }: HeldRun) => request.cut(), terminate }
  return {
    walk: (database: ArenaDatabase, command: 'up' | 'down', { strikes, stride }: WalkKind) =>
      walkSeries({
        ...{ arena, database, migrations, command, stride },
        strikes: strikes.map((kind) => kinds[kind]),
      }),
    expectUp: async (database: ArenaDatabase) => {
      const { failure } = await as(database.ownerUrl, (owner) => runUp(owner, files.path))
      expect(failure).toBeUndefined()
      const after = await stageOf(database)
      expect(after.rows).toEqual(start.rows)
      expect(after.fingerprint).toBe(top.fingerprint)
    },
    expectDown: async (database: ArenaDatabase) => {
      const { failure } = await as(database.ownerUrl, (owner) => runDown(owner, files.path))
      expect(failure).toBeUndefined()
      const after = await stageOf(database)
      expect(after.rows).toEqual(top.rows)
      expect(after.fingerprint).toBe(start.fingerprint)
    },
    [Symbol.asyncDispose]: async () => {
      await files[Symbol.asyncDispose]()
      await arena.stop()
    },
  }
}

async function stageOf({ name, superuserUrl }: ArenaDatabase): Promise<Stage> {
  return as(superuserUrl, async (client) => ({
    template: name,
    fingerprint: (await readFingerprint(client)).text,
    rows: await rowsOf(client),
  }))
}

/** The tests of the walk, up and down, each of which is struck more often than so. */
export function testWalks(sceneOf: () => KillScene, least: { up: number; down: number }): void {
  describe.each(walks)('$name at boundary after boundary, the series comes to its end', (kind) => {
    test('up', { timeout: 900_000 }, async () => {
      const { arena, start, walk, expectUp } = sceneOf()
      const database = await arena.create(start.template)
      const count = await walk(database, 'up', kind)
      process.stdout.write(`${kind.name} ${count} times on the way up\n`)
      expect(count).toBeGreaterThan(least.up)
      await expectUp(database)
    })

    test('down, with new rows', { timeout: 900_000 }, async () => {
      const { arena, top, walk, expectDown } = sceneOf()
      const database = await arena.create(top.template)
      const count = await walk(database, 'down', kind)
      process.stdout.write(`${kind.name} ${count} times on the way down\n`)
      expect(count).toBeGreaterThan(least.down)
      await expectDown(database)
    })
  })
}

/** The rows of the shop, to be compared. */
export async function rowsOf(client: Client): Promise<unknown> {
  return (await client.query(checksums)).rows[0]
}

/** Works in a session of its own. */
export async function as<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(url, { applicationName: 'test' })
  return work(client).finally(() => client.end())
}
