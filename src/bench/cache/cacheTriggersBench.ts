import { connect } from '../../postgres/connect.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { Bench } from '../bench.ts'
import { benchRow } from '../bench.ts'
import { measureTriggerCost } from './triggerCost.ts'

/** A write may take so much longer. */
const most = 1.15
const database = 'cache_triggers'

/** What it costs to announce a change: single rows, each in a transaction of its own that waits for the disk. */
export const cacheTriggersBench: Bench = {
  id: 'cache_triggers',
  title: 'Writes to a table that announces its changes',
  rowIds: ['cache_triggers_insert', 'cache_triggers_update'],
  async run({ config, onStep, onServer, only }) {
    // Without it a commit costs next to nothing, which no production has.
    const server = await provideServer(config, { settings: { fsync: 'on' } })
    try {
      const admin = await connect(server.url())
      await admin.query(`CREATE DATABASE ${database}`)
      const client = await connect(server.url(database))
      try {
        onServer?.(
          (await client.query<{ server_version: string }>('SHOW server_version')).rows[0]?.server_version ??
            '',
        )
        onStep('writing with and without triggers, in turn')
        const cost = await measureTriggerCost(client, { rounds: 60 })
        return (['insert', 'update'] as const)
          .map((kind) =>
            benchRow({
              ...{ id: `cache_triggers_${kind}`, unit: 'ms', ...cost[kind] },
              title: `${kind === 'insert' ? 'INSERT' : 'UPDATE'} of a row: plain -> it announces three tags`,
              claim: 'at most 15 % more',
              met: cost[kind].after <= most * cost[kind].before,
              how: `${((100 * cost[kind].after) / cost[kind].before - 100).toFixed(0)} % more; median of 60 rounds of 20, in turn, fsync on, over loopback`,
            }),
          )
          .filter(({ id }) => only === undefined || only.includes(id) || only.includes('cache_triggers'))
      } finally {
        await client.end()
        await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
        await admin.end()
      }
    } finally {
      await server.stop()
    }
  },
}
