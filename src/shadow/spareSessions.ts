import type { Client, ClientBase } from 'pg'

/** Sessions that stay open between uses: a login takes longer than most of what they are opened for. */
export interface SpareSessions {
  /**
   * Lends so many sessions for the time of `work`, which leaves none of them in a transaction. After a failure
   * nobody knows what state they are in, so they are closed.
   */
  use<T>(count: number, work: (sessions: ClientBase[]) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Nothing is opened before it is needed. Whoever comes while others are lent out gets sessions of their own. */
export function spareSessions(open: () => Promise<Client>): SpareSessions {
  const idle: Client[] = []
  return {
    use: async (count, work) => {
      const lent = idle.splice(0, count)
      try {
        while (lent.length < count) lent.push(await open())
        const result = await work(lent)
        idle.push(...lent)
        return result
      } catch (error) {
        await end(lent)
        throw error
      }
    },
    close: () => end(idle.splice(0)),
  }
}

async function end(sessions: Client[]): Promise<void> {
  await Promise.all(sessions.map((session) => session.end()))
}
