import type { Client } from 'pg'
import type { Config } from '../config.ts'
import { sessionUrl } from '../config.ts'
import { connect } from '../postgres/connect.ts'
import { refuseUnfitSession } from '../migrate/directSession.ts'
import type { Terminal } from './terminal.ts'

/**
 * Opens the session in which migrations run, checks that it is fit for that, and gives it to `work`.
 * When the terminal's signal is aborted, the statement that is running is cancelled, so that the runner
 * can take back what it began.
 */
export async function withMigrateSession<T>(
  config: Config,
  terminal: Terminal,
  work: (client: Client, url: string) => Promise<T>,
): Promise<T> {
  const url = sessionUrl(config)
  const client = await connect(url)
  const cancel = () => void cancelStatement(url, client)
  try {
    await refuseUnfitSession(client, () => connect(url, { connectTimeoutMs: 2_000, answerTimeoutMs: 2_000 }))
    terminal.signal.addEventListener('abort', cancel, { once: true })
    return await work(client, url)
  } finally {
    terminal.signal.removeEventListener('abort', cancel)
    await client.end().catch(() => undefined)
  }
}

/** Opens a session that only reads; a standby is enough, and so is a role that may not write. */
export async function withReadingSession<T>(
  config: Config,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(sessionUrl(config))
  try {
    await client.query('SET default_transaction_read_only = on')
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Cancels what the session is doing, from a second session of the same user. */
async function cancelStatement(url: string, client: Client): Promise<void> {
  const { processID } = client as Client & { processID: number | null }
  try {
    const second = await connect(url)
    await second.query('SELECT pg_catalog.pg_cancel_backend($1)', [processID])
    await second.end()
  } catch {
    // The server is gone, and the statement with it.
  }
}
