import type { Client, ClientBase } from 'pg'

/** Sessions that stay open between uses: a login takes longer than most of what they are opened for. */
export interface SpareSessions {
  /**
   * Lends that many sessions for the duration of `work`, which must leave none of them in a transaction. After a
   * failure their state is unknown, so they are closed.
   */
  use<T>(count: number, work: (sessions: ClientBase[]) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** No session is opened before it is needed. A caller that comes while all are lent out gets new ones. */
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
