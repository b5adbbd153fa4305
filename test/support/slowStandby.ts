import { once } from 'node:events'
import { Client } from 'pg'

/** To the server a standby that streams; to the test a standby that has replayed just as much as the test says. */
export interface SlowStandby {
  /** Tells the server that everything up to this position is written, flushed and replayed. */
  replay(lsn: string): void
  /** Tells the server that a query on the standby needs rows that died since this transaction. */
  needRowsSince(transactionId: number): void
  end(): Promise<void>
}

interface Wire {
  connection: NodeJS.EventEmitter & { sendCopyFromChunk(chunk: Buffer): void; stream: { destroy(): void } }
}

/**
 * @param url of a superuser, or of a role with REPLICATION
 * @param slot a physical slot that it streams through; without one where it is absent
 */
export async function startSlowStandby(url: string, name: string, slot?: string): Promise<SlowStandby> {
  const address = new URL(url)
  address.searchParams.set('replication', 'true')
  const client = new Client({ connectionString: address.href, application_name: name }) as Client & Wire
  client.on('error', () => undefined)
  await client.connect()
  const { rows } = await client.query<{ xlogpos: string }>('IDENTIFY_SYSTEM')
  const start = rows[0]?.xlogpos ?? '0/0'
  const streams = once(client.connection, 'replicationStart')
  // It ends with the session.
  client
    .query(`START_REPLICATION ${slot === undefined ? '' : `SLOT ${slot} `}PHYSICAL ${start}`)
    .catch(() => undefined)
  await streams
  const replay = (lsn: string) => client.connection.sendCopyFromChunk(statusUpdate(lsn))
  replay(start)
  return {
    replay,
    needRowsSince: (transactionId) => client.connection.sendCopyFromChunk(hotStandbyFeedback(transactionId)),
    end: async () => {
      const ended = new Promise((resolve) => client.once('end', resolve))
      client.connection.stream.destroy()
      await ended
    },
  }
}

/** `Standby status update` of the streaming replication protocol. */
function statusUpdate(lsn: string): Buffer {
  const [high = '0', low = '0'] = lsn.split('/')
  const position = (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
  const message = Buffer.alloc(34)
  message.write('r')
  for (const at of [1, 9, 17]) message.writeBigUInt64BE(position, at)
  return message
}

/** `Hot standby feedback message` of the streaming replication protocol, for the first epoch of transaction ids. */
function hotStandbyFeedback(transactionId: number): Buffer {
  const message = Buffer.alloc(25)
  message.write('h')
  message.writeUInt32BE(transactionId, 9)
  return message
}
