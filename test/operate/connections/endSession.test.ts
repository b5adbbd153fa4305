import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '../../../src/catalog/sessions.ts'
import { listServerSessions } from '../../../src/catalog/sessions.ts'
import { endSession } from '../../../src/operate/connections/endSession.ts'
import { findIdle } from '../../../src/operate/connections/idleSessions.ts'
import { lookAtConnections } from '../../../src/operate/connections/overview.ts'
import { connect } from '../../../src/postgres/connect.ts'
import { borrow } from '../../../src/postgres/database.ts'
import { startEmbedded } from '../../../src/servers/embedded.ts'
import type { Server } from '../../../src/servers/server.ts'
import { engineIsMissing } from '../../support/engines.ts'
import type { SlowStandby } from '../../support/slowStandby.ts'
import { startSlowStandby } from '../../support/slowStandby.ts'

describe.each([14, 15, 16, 17, 18])('sessions of PostgreSQL %i', (version) => {
  describe.skipIf(version !== 18 && engineIsMissing(`postgres${version}` as 'postgres14'))(
    'of every kind',
    () => {
      let server: Server
      let admin: Client
      let helper: Client
      let standby: SlowStandby
      const clients = new Map<string, Client>()

      const urlOf = (user: string, database = 'shop'): string => {
        const url = new URL(server.url(database))
        if (user !== 'superuser') [url.username, url.password] = [user, 'secret']
        return url.href
      }
      const session = async (user: string, name: string, database = 'shop'): Promise<Client> => {
        const client = await connect(urlOf(user, database), { applicationName: name })
        clients.set(name, client)
        return client
      }
      const clientOf = (name: string): Client => {
        const client = clients.get(name)
        if (!client) throw new Error(`${name} has no session`)
        return client
      }

      beforeAll(async () => {
        server = await startEmbedded({
          version,
          // A worker comes within a second, and takes minutes for the table.
          settings: {
            autovacuum_naptime: '1',
            autovacuum_vacuum_cost_delay: '100ms',
            autovacuum_vacuum_cost_limit: '1',
          },
        })
        admin = await connect(server.url())
        await admin.query('CREATE DATABASE shop')
        for (const role of ['app', 'report', 'helper'])
          await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
        // It sees everybody, and may end the sessions of app only.
        await admin.query('GRANT pg_read_all_stats, app TO helper')
        const owner = await session('superuser', 'dashboard')
        await owner.query('CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 20000)')
        await owner.query('DELETE FROM t')
        for (const name of ['web 1', 'web 2', 'web 3', 'web 4']) await session('app', name)
        await (await session('app', 'forgotten')).query('BEGIN; SELECT 1')
        await session('report', 'report')
        await session('app', 'elsewhere', 'postgres')
        const busy = await session('app', 'busy')
        busy.query('SELECT pg_sleep(60)').catch(() => undefined)
        standby = await startSlowStandby(server.url(), 'standby')
        helper = await connect(urlOf('helper'), { applicationName: 'own' })
      })
      afterAll(async () => {
        await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`)
        await Promise.all(Array.from(clients.values(), (client) => client.end().catch(() => undefined)))
        await standby.end()
        await helper.end()
        await admin.end()
        await server.stop()
      })

      const look = (): Promise<Session[]> => listServerSessions(borrow(helper))
      const limits = { idleMs: 200, idleInTransactionMs: 200 }

      test('only idle clients of this database that are no superuser may be ended', async () => {
        await expect
          .poll(
            async () => {
              // Statistics wait for the next statement until 14, so that the table would not become due.
              await clientOf('dashboard').query('INSERT INTO t SELECT generate_series(1, 5000)')
              return (await look()).map(({ kind }) => kind)
            },
            { timeout: 50_000, interval: 600 },
          )
          .toEqual(expect.arrayContaining(['client backend', 'walsender', 'autovacuum worker']))
        await sleep(300)
        const names = findIdle(await look(), limits).map(({ application }) => application)
        expect(names.sort()).toEqual(['forgotten', 'report', 'web 1', 'web 2', 'web 3', 'web 4'])
        expect(findIdle(await look(), { ...limits, idleMs: undefined })).toHaveLength(1)
        expect(findIdle(await look(), { idleMs: 3_600_000, idleInTransactionMs: 3_600_000 })).toEqual([])
        const { hidden, clients: seen } = await lookAtConnections(helper)
        expect(hidden).toBe(0)
        expect(seen.map(({ application }) => application)).toContain('elsewhere')
      })

      test('one that was used meanwhile is spared, one that may not be ended is named, and the rest goes on', async () => {
        const listed = findIdle(await look(), limits)
        const end = async (name: string) => {
          const found = listed.find(({ application }) => application === name)
          if (!found) throw new Error(`${name} was not listed`)
          const { outcome, reason } = await endSession(found).run(helper)
          return [outcome, reason]
        }
        const working = clientOf('web 1').query('SELECT pg_sleep(2)')
        await clientOf('web 2').query('SELECT 1')
        await clientOf('web 3').end()
        await sleep(200)

        expect(await end('report')).toEqual([
          'refused',
          // Until 15 in other words.
          expect.stringMatching(
            /permission denied to terminate process|must be a member of the role whose process/,
          ),
        ])
        expect(await end('web 1')).toEqual(['spared', 'it has become active meanwhile'])
        expect(await end('web 2')).toEqual(['spared', 'it has become active meanwhile'])
        expect(await end('web 3')).toEqual(['gone', 'it had ended by itself'])
        expect(await end('web 4')).toEqual(['ended', ''])
        expect(await end('forgotten')).toEqual(['ended', ''])

        await working
        const left = (await look()).filter(({ kind }) => kind !== 'autovacuum worker')
        expect(left.flatMap(({ application }) => (application ? [application] : [])).sort()).toEqual(
          expect.arrayContaining(['busy', 'dashboard', 'elsewhere', 'report', 'standby', 'web 1', 'web 2']),
        )
        expect(left.map(({ application }) => application)).not.toContain('web 4')
        expect(left.map(({ application }) => application)).not.toContain('forgotten')
      })
    },
  )
})
