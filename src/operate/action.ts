import type { Client } from 'pg'

/** Something that ends, rewrites or drops: shown first, carried out only after a yes, and reported. */
export interface Action<Result> {
  /** What it does, for people: `End session 411 of app_user, idle for 14 min`. */
  title: string
  /** What is sent to the server, or the command that is run. */
  sql: string
  /** What is affected besides the object itself; empty where nothing is. */
  affects: string[]
  run(client: Client): Promise<Result>
}
