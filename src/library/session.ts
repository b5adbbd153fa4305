import type { Client } from 'pg'
import { loadConfig, sessionUrl } from '../config.ts'
import { connect } from '../postgres/connect.ts'

/** Which database a function works on. */
export interface OnDatabase {
  /** A direct connection, or a pooler in session mode; by default `DIRECT_URL` of the environment or of `.env`. */
  url?: string
  /** Stops the work at the next safe place. */
  signal?: AbortSignal
}

export function urlOf({ url }: OnDatabase): string {
  return url ?? sessionUrl(loadConfig())
}

/** Opens a session for `work`, and ends it whatever happens; an abort ends it at once. */
export async function withSession<T>(on: OnDatabase, work: (client: Client) => Promise<T>): Promise<T> {
  on.signal?.throwIfAborted()
  const client = await connect(urlOf(on))
  const stop = () => void client.end().catch(() => undefined)
  on.signal?.addEventListener('abort', stop, { once: true })
  try {
    return await work(client)
  } finally {
    on.signal?.removeEventListener('abort', stop)
    await client.end().catch(() => undefined)
  }
}
