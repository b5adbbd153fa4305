import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/postgres/connect.ts'
import type { EmbeddedServer } from '../../src/servers/embedded.ts'
import { startEmbedded } from '../../src/servers/embedded.ts'
import { serverAccount } from '../../src/servers/serverAccount.ts'
import { migrationDirectory, sqlMigration } from '../support/migrationFiles.ts'
import { runUp } from './run.ts'

/** A file system of 8 MB, where this user may make one. */
function mountSmallDisk(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'small-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=755', 'tmpfs', directory], { stdio: 'ignore' })
    return directory
  } catch {
    rmSync(directory, { recursive: true })
    return undefined
  }
}

const disk = mountSmallDisk()
let server: EmbeddedServer

beforeAll(async () => {
  if (disk) server = await startEmbedded()
})
afterAll(async () => {
  if (!disk) return
  await server.stop()
  execFileSync('umount', [disk])
  rmSync(disk, { recursive: true })
})

test.skipIf(!disk)(
  'a disk that is full leaves no index and no ledger row, and the next step is said',
  async () => {
    const account = serverAccount()
    if (disk && account.uid !== undefined && account.gid !== undefined) {
      chownSync(disk, account.uid, account.gid)
    }
    const client = await connect(server.url())
    await client.query(`CREATE TABLESPACE small LOCATION '${disk}'`)
    await client.query(
      `CREATE TABLE public.bookings AS SELECT id, md5(id::text) AS note FROM generate_series(1, 200000) id`,
    )
    await using files = await migrationDirectory({
      '20260101000000000_create-index.ts': sqlMigration({
        up: ['CREATE INDEX CONCURRENTLY bookings_note_idx ON public.bookings (note) TABLESPACE small'],
        down: ['DROP INDEX CONCURRENTLY public.bookings_note_idx'],
        noTransaction: true,
      }),
    })
    const { failure } = await runUp(client, files.path)
    expect(failure?.exitCode).toBe(1)
    expect(failure?.message).toContain('No space left on device')
    expect(failure?.next).toContain('The disk is full')
    const left = await client.query(
      `SELECT to_regclass('public.bookings_note_idx') AS index, (SELECT count(*)::int FROM hundredfold.migrations) AS rows`,
    )
    expect(left.rows).toEqual([{ index: null, rows: 0 }])
    await client.query('DROP TABLE public.bookings')
    await client.query('DROP TABLESPACE small')
    await client.end()
  },
)
