import { chownSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFingerprint } from '../../src/fingerprint/fingerprint.ts'
import { planPartitions } from '../../src/partition/plan.ts'
import { connect } from '../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../src/servers/embedded.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { serverAccount } from '../../src/servers/serverAccount.ts'
import { runDown, runUp } from '../migrate/run.ts'
import { migrationDirectory } from '../support/migrationFiles.ts'
import { mountSmallDisk } from '../support/smallDisk.ts'
import { checksums, newOrders, shop, shopRequest } from './shop.ts'
import { writeSeries } from './writeSeries.ts'

const disk = mountSmallDisk('16m')
let server: EmbeddedServer
let client: Client

beforeAll(async () => {
  if (!disk) return
  const { uid, gid } = serverAccount()
  if (uid !== undefined && gid !== undefined) chownSync(disk.directory, uid, gid)
  server = await startEmbedded()
  client = await connect(server.url())
  await client.query(`CREATE TABLESPACE small LOCATION '${disk.directory}'`)
})
afterAll(async () => {
  if (!disk) return
  await client.end()
  await server.stop()
  disk.unmount()
})

test.skipIf(!disk)(
  'a disk that is full ends the backfill and the way back, nothing is lost, and both go on',
  async () => {
    await client.query(shop)
    await client.query(
      `ALTER TABLE shop.items SET TABLESPACE small; ALTER TABLE shop.orders SET TABLESPACE small`,
    )
    const { operations } = await planPartitions(client, shopRequest)
    await using files = await migrationDirectory()
    await writeSeries(files.path, operations)
    const rows = async () => (await client.query(checksums)).rows
    const start = await rows()
    const { text } = await readFingerprint(client)

    fill()
    const { failure } = await runUp(client, files.path)
    expect(failure?.message).toContain('carry-ordered-at-to-items')
    expect(failure?.message).toContain('No space left on device')
    expect(failure?.next).toContain('The disk is full')
    expect(await rows()).toEqual(start)
    empty()
    expect((await runUp(client, files.path)).failure?.message).toBeUndefined()
    expect(await rows()).toEqual(start)

    await client.query(newOrders)
    const top = await rows()
    fill()
    const back = await runDown(client, files.path)
    expect(back.failure?.message).toContain('No space left on device')
    expect(back.failure?.next).toContain('The disk is full')
    expect(await rows()).toEqual(top)
    empty()
    expect((await runDown(client, files.path)).failure?.message).toBeUndefined()
    expect(await rows()).toEqual(top)
    expect((await readFingerprint(client)).text).toBe(text)
  },
)

const ballast = () => join(disk?.directory ?? '', 'ballast')

/** Leaves no page free. */
function fill(): void {
  const { bavail, bsize } = statfsSync(disk?.directory ?? '')
  writeFileSync(ballast(), Buffer.alloc(bavail * bsize))
}

function empty(): void {
  rmSync(ballast())
}
