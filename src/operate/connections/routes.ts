import type { Client } from 'pg'
import type { Config } from '../../config.ts'
import { messageOf } from '../../errors.ts'
import type { Route } from '../../migrate/directSession.ts'
import { findRoute } from '../../migrate/directSession.ts'
import { connect } from '../../postgres/connect.ts'

/** A URL of the configuration, tried. */
export interface TriedUrl {
  variable: 'DIRECT_URL' | 'DATABASE_URL'
  /** Undefined where no session could be opened. */
  route: Route | undefined
  /** Whether this is right for what the variable is used for, and what to do where it is not. */
  advice: string
  isRight: boolean
}

/**
 * Connects by each URL that is configured, and finds out whether it leads to the server itself, to a pooler in session
 * mode or to one in transaction mode.
 */
export async function tryUrls(config: Config): Promise<TriedUrl[]> {
  const urls = [
    ['DIRECT_URL', config.directUrl],
    ['DATABASE_URL', config.databaseUrl],
  ] as const
  return Promise.all(urls.flatMap(([variable, url]) => (url === undefined ? [] : [tryUrl(variable, url)])))
}

async function tryUrl(variable: TriedUrl['variable'], url: string): Promise<TriedUrl> {
  let client: Client
  try {
    client = await connect(url, { connectTimeoutMs: 5_000 })
  } catch (error) {
    return { variable, route: undefined, advice: messageOf(error), isRight: false }
  }
  try {
    const route = await findRoute(client, () => connect(url, { connectTimeoutMs: 2_000 }))
    return { variable, route, ...judge(variable, route) }
  } finally {
    await client.end().catch(() => undefined)
  }
}

function judge(variable: TriedUrl['variable'], route: Route): { advice: string; isRight: boolean } {
  if (variable === 'DIRECT_URL') {
    return route === 'transaction pooler'
      ? {
          isRight: false,
          advice: 'Migrations need a session: use the direct connection or a pooler in session mode here.',
        }
      : { isRight: true, advice: 'Right for migrations, diagnosis and long sessions.' }
  }
  switch (route) {
    case 'transaction pooler':
      return {
        isRight: true,
        advice: 'Right for requests and serverless functions: many clients share few connections.',
      }
    case 'session pooler':
      return {
        isRight: false,
        advice:
          'Each client keeps a connection for as long as it is connected, so the pool fills with idle clients. ' +
          'Use the pooler in transaction mode for requests (Supabase: port 6543).',
      }
    case 'direct':
      return {
        isRight: true,
        advice:
          'Right for a few long-lived processes that keep their own pool. With serverless functions or many instances, ' +
          'put a pooler in transaction mode before it.',
      }
  }
}
