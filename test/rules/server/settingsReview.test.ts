import { totalmem } from 'node:os'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../../src/postgres/connect.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { readMachineMemory } from '../../../src/catalog/machineMemory.ts'
import { snapshotOf } from '../../../src/catalog/snapshot.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { readOnly } from '../../../src/postgres/readOnly.ts'
import { findAll } from '../../../src/rules/find.ts'
import type { Violation } from '../../../src/rules/rule.ts'
import { settingsReview } from '../../../src/rules/server/settingsReview.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createDatabase } from '../../support/database.ts'
import { findingAbout, subjectsOf } from '../look.ts'

describe('settings_review', () => {
  let database: TestDatabase
  let superuser: Client

  beforeAll(async () => {
    database = await createDatabase()
    superuser = await database.connect()
  })
  afterAll(() => database.drop())

  it('finds settings that make the server unsafe or slow', async () => {
    await superuser.query(
      `SET random_page_cost = 4; SET effective_cache_size = '1MB'; SET default_statistics_target = 10`,
    )
    // The server of the tests is a throw-away one.
    expect(await subjectsOf(superuser, settingsReview)).toEqual(
      expect.arrayContaining([
        'default_statistics_target',
        'effective_cache_size',
        'fsync',
        'full_page_writes',
        'random_page_cost',
      ]),
    )
  })

  it('finds nothing wrong with those that are in order', async () => {
    await superuser.query(
      `SET random_page_cost = 1.1; SET effective_cache_size = '300MB'; SET default_statistics_target = 100; SET track_io_timing = on`,
    )
    expect(await subjectsOf(superuser, settingsReview)).toEqual(['fsync', 'full_page_writes'])
  })

  it('finds a kind of plan that is disabled for the database, but not for this session', async () => {
    await superuser.query(`SET enable_hashjoin = off`)
    expect(await subjectsOf(superuser, settingsReview)).not.toContain('enable_hashjoin')
    await superuser.query(`ALTER DATABASE ${database.name} SET enable_seqscan = off`)
    const later = await database.connect()
    expect(await subjectsOf(later, settingsReview)).toContain('enable_seqscan')
  })

  describe('settings of memory', () => {
    const gigabyte = 1024 ** 3
    let server: Server
    let own: Client

    // On this machine, with known sizes.
    beforeAll(async () => {
      server = await startEmbedded({ settings: { shared_buffers: '256MB', max_connections: '200' } })
      own = await connect(server.url())
      await own.query(`CREATE ROLE app LOGIN PASSWORD 'secret'`)
    })
    afterAll(async () => {
      await own.end()
      await server.stop()
    })
    const reset = () =>
      own.query(
        'RESET work_mem; RESET maintenance_work_mem; RESET effective_cache_size; RESET random_page_cost',
      )

    /** What is found where somebody has said how much memory the machine has. */
    async function review(memoryBytes: number, client = own): Promise<Record<string, Violation>> {
      const { findings } = await readOnly(client, () =>
        findAll([settingsReview], { ...snapshotOf(borrow(client)), memoryBytes }),
      )
      return Object.fromEntries(findings.map((finding) => [finding.subject[0], finding]))
    }

    it('are judged by the memory of the machine, where that is said', async () => {
      await reset()
      const small = await review(gigabyte / 2)
      expect(small['shared_buffers']?.detail).toContain("50 % of the machine's memory")
      expect(JSON.stringify(small['shared_buffers']?.remedy)).toContain(`shared_buffers = '128MB'`)
      expect(small['effective_cache_size']?.detail).toContain(
        'more cache than the machine has memory (0.5 GB)',
      )
      expect(small['work_mem']).toMatchObject({ level: 'warn' })
      expect(small['work_mem']?.detail).toContain('0.8 GB where each of 200 sessions sorts once')
      expect(Object.keys(await review(gigabyte))).not.toContain('shared_buffers')
      expect((await review(gigabyte))['work_mem']?.level).toBe('info')
      const large = Object.keys(await review(64 * gigabyte))
      for (const name of ['shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem'])
        expect(large).not.toContain(name)
      await own.query(`SET maintenance_work_mem = '2GB'`)
      const { maintenance_work_mem: maintenance } = await review(4 * gigabyte)
      expect(maintenance?.detail).toMatch(/an index build and 3 autovacuum workers may take [58].0 GB/)
    })

    it('are judged by this machine, where the server is on it and the role may see that', async () => {
      await reset()
      const memory = await readOnly(own, () => readMachineMemory(borrow(own)))
      expect(memory).toBeGreaterThan(gigabyte / 4)
      expect(memory).toBeLessThanOrEqual(totalmem())
      const megabytes = Math.ceil(totalmem() / 1024 ** 2)
      await own.query(`SET effective_cache_size = '${megabytes + 100}MB'`)
      expect(await subjectsOf(own, settingsReview)).toContain('effective_cache_size')
    })

    it('are compared with each other where the memory is not known, which is said', async () => {
      const url = new URL(server.url())
      url.username = 'app'
      url.password = 'secret'
      const owner = await connect(url.href)
      expect(await readOnly(owner, () => readMachineMemory(borrow(owner)))).toBeNull()
      await owner.query(`SET effective_cache_size = '100GB'; SET work_mem = '8MB'`)
      expect(await subjectsOf(owner, settingsReview)).not.toContain('effective_cache_size')
      expect(await subjectsOf(owner, settingsReview)).not.toContain('work_mem')
      await owner.query(`SET work_mem = '32MB'; SET maintenance_work_mem = '16MB'`)
      const work = await findingAbout(owner, settingsReview, 'work_mem')
      expect(work).toMatchObject({ level: 'info' })
      expect(work.detail).toContain("25 times shared_buffers; the machine's memory is not known")
      expect(JSON.stringify(work.remedy)).toContain('diagnose --memory 16GB')
      const maintenance = await findingAbout(owner, settingsReview, 'maintenance_work_mem')
      expect(maintenance.detail).toContain('less memory than one sort')
      await owner.end()
    })
  })
})
