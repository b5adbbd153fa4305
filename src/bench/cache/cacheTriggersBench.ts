import { connect } from '../../postgres/connect.ts'
import { provideServer } from '../../servers/provideServer.ts'
import type { Bench } from '../bench.ts'
import { benchRow } from '../bench.ts'
import { casaoraServer, createCasaora } from '../casaora/database.ts'
import type { TriggerCost } from './triggerCost.ts'
import { measureBareWrites, measureRequests } from './triggerCost.ts'

/** A write may take so much longer. */
const most = 1.15

const titles = {
  cache_triggers_insert: 'INSERT of a review, a request: plain -> it announces two tags',
  cache_triggers_update: 'UPDATE of a listing, a request: plain -> it announces three tags',
}

/** What it costs to announce a change: writes of one row, each in a transaction of its own that waits for the disk. */
export const cacheTriggersBench: Bench = {
  id: 'cache_triggers',
  title: 'Writes to a table that announces its changes',
  rowIds: Object.keys(titles),
  async run({ config, onStep, onServer, rows, only }) {
    // Without it a commit costs next to nothing, which no production has.
    const server = await provideServer(config, { ...casaoraServer, settings: { fsync: 'on' } })
    try {
      const database = await createCasaora(server, rows, onStep)
      const client = await connect(database.superuserUrl)
      try {
        onServer?.(
          (await client.query<{ server_version: string }>('SHOW server_version')).rows[0]?.server_version ??
            '',
        )
        onStep('requests with and without triggers, in turn')
        const { review, listing } = await measureRequests(client, { rounds: 60, perRound: 15 })
        onStep('single statements on a bare table with and without triggers, in turn')
        const bare = await measureBareWrites(client, { rounds: 60, perRound: 15 })
        const row = (id: keyof typeof titles, request: TriggerCost, statement: TriggerCost) =>
          benchRow({
            ...{ id, unit: 'ms', title: titles[id], claim: 'at most 15 % more', ...request },
            met: request.after <= most * request.before,
            how:
              `${more(request)} more; as PostgREST sends it, through policies, keys and triggers; median of 60 rounds of 15, in turn, ` +
              `fsync on, over loopback; as one statement on a bare table ${more(statement)} (${inMicroseconds(statement)})`,
          })
        return [
          row('cache_triggers_insert', review, bare.insert),
          row('cache_triggers_update', listing, bare.update),
        ].filter(({ id }) => only === undefined || only.includes(id) || only.includes('cache_triggers'))
      } finally {
        await client.end()
        await database.drop()
      }
    } finally {
      await server.stop()
    }
  },
}

function more({ before, after }: TriggerCost): string {
  return `${((100 * after) / before - 100).toFixed(0)} %`
}

function inMicroseconds({ before, after }: TriggerCost): string {
  return `${(1_000 * (after - before)).toFixed(0)} microseconds`
}
