import type { Client } from 'pg'
import type { ConnectOptions } from '../../postgres/connect.ts'
import { connect } from '../../postgres/connect.ts'
import { isConnectionLost } from '../../postgres/sqlState.ts'

/** One session that is kept between uses, and opened again when it is gone. */
export interface KeptSession {
  /**
   * Lends the session. If it was lost since the last use, as after a restart of the server, `use` is called once more
   * in a new one.
   */
  use<T>(use: (client: Client) => Promise<T>): Promise<T>
  /** Cuts the connection, whatever it is doing. */
  close(): void
}

/** Longer than any statement of ours may take: then the network is gone. */
const options: ConnectOptions = {
  applicationName: 'hundredfold monitor',
  connectTimeoutMs: 5_000,
  answerTimeoutMs: 15_000,
}

/** Opens no session before the first use. */
export function keepSession(url: string): KeptSession {
  let kept: Client | undefined
  let isClosed = false
  const close = () => {
    kept?.connection.stream.destroy()
    kept = undefined
  }
  const open = async (): Promise<Client> => {
    const client = await connect(url, options)
    kept = client
    // Closed while it was being opened.
    if (isClosed) close()
    return client
  }
  const lend = async <T>(client: Client, use: (client: Client) => Promise<T>): Promise<T> => {
    try {
      return await use(client)
    } catch (error) {
      // Whatever failed, the next use begins with a session in a known state.
      close()
      throw error
    }
  }
  return {
    async use(use) {
      if (kept) {
        try {
          return await lend(kept, use)
        } catch (error) {
          if (isClosed || !isConnectionLost(error)) throw error
        }
      }
      return lend(await open(), use)
    },
    close() {
      isClosed = true
      close()
    },
  }
}
