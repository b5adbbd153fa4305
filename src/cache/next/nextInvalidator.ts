import type { Invalidator } from '../invalidator.ts'

interface NextInvalidatorSettings {
  /** The addresses of `revalidateRoute`, one of each process: Next's own cache is in the process. */
  urls: readonly string[]
  token: string
  timeoutMs?: number
}

/**
 * Sends tags to `revalidateRoute`. Give it to `followNotifications` in `instrumentation.js`, so that each process hears what
 * the database announces. Nothing is confirmed to Next: while the listener is away, its cache shows old values.
 */
export function nextInvalidator({ urls, token, timeoutMs = 2_000 }: NextInvalidatorSettings): Invalidator {
  const send = async (url: string, tags: readonly string[]): Promise<void> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tags }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.arrayBuffer()
    if (response.ok) return
    const { origin, pathname } = new URL(url)
    throw new Error(`${origin}${pathname} answered ${response.status} to a list of tags`)
  }
  return {
    begin: () => Promise.resolve({ confirm: () => Promise.resolve() }),
    invalidate: async (tags) => {
      const sent = await Promise.allSettled(urls.map((url) => send(url, tags)))
      for (const each of sent) if (each.status === 'rejected') throw each.reason
    },
  }
}
