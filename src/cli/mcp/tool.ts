import type { Client } from 'pg'
import type * as z from 'zod'
import { sessionUrl } from '../../config.ts'
import type { Config } from '../../config.ts'
import { HundredfoldError } from '../../errors.ts'
import { withSession } from '../../library/session.ts'

/** What every tool is given. */
export interface ToolContext {
  config: Config
  /** Where the migrations are. Only the person who starts the server chooses it, since `plan` loads these files. */
  directory: string
  signal: AbortSignal
}

/** Something that an agent may ask for. It looks, and changes nothing. */
export interface Tool<Input extends z.ZodObject = z.ZodObject> {
  name: string
  title: string
  description: string
  input: Input
  /** The answer as JSON; the keys of the interface's documents where there is one. */
  run(context: ToolContext, input: z.output<Input>): Promise<object>
}

/**
 * Opens a session in which every transaction is read-only, and ends it afterwards: what one call sets never meets another.
 */
export function inReadingSession<T>(
  { config, signal }: ToolContext,
  look: (client: Client) => Promise<T>,
): Promise<T> {
  return withSession({ url: sessionUrl(config), signal }, async (client) => {
    await client.query('SET default_transaction_read_only = on')
    return look(client)
  })
}

/** What went wrong, for the agent: an error that says what to do, else its message. */
export function explained(error: unknown): string {
  if (error instanceof HundredfoldError) return `${error.message}\n${error.next}`
  return error instanceof Error ? error.message : String(error)
}
