/** Where Next keeps its own cache, this process listens to the database and revalidates what is announced. */
export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs' || process.env.REDIS_URL) return
  const { followNotifications } = await import('hundredfold/cache')
  const { nextInvalidator } = await import('hundredfold/cache/next')
  const invalidator = nextInvalidator({
    urls: [`http://127.0.0.1:${process.env.PORT}/api/revalidate`],
    token: process.env.REVALIDATE_TOKEN,
  })
  void followNotifications(process.env.DATABASE_URL, invalidator, {
    everyMs: 250,
    signal: new AbortController().signal,
  })
}
