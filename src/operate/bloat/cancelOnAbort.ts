import type { Client } from 'pg'

/**
 * Runs one long statement, which another session cancels when the signal is aborted: the server then takes back what it
 * has begun. Meanwhile `look` is called about once a second on the other session.
 */
export async function cancelOnAbort(
  client: Client,
  { watcher, signal }: { watcher: Client; signal: AbortSignal },
  statement: string,
  look: (pid: number) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted()
  const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid')
  const pid = rows[0]?.pid ?? 0
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const next = (): void => {
    timer = setTimeout(() => {
      look(pid)
        .catch(() => undefined)
        .finally(() => {
          if (!isOver) next()
        })
    }, 1_000)
  }
  const cancel = () => {
    void watcher.query('SELECT pg_catalog.pg_cancel_backend($1)', [pid]).catch(() => undefined)
  }
  signal.addEventListener('abort', cancel, { once: true })
  next()
  try {
    await client.query(statement)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    isOver = true
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
}
