import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('is what an application imports as hundredfold/cache', async () => {
  const script = `import('hundredfold/cache').then((all) => console.log(Object.keys(all).sort().join()))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script])
  expect(stdout.trim()).toBe(
    'MemoryStore,NearStore,RedisStore,createCache,defaultBoundMs,followNotifications,redisInvalidator',
  )
})

it('has what Next.js needs in hundredfold/cache/next, which does not need Next.js', async () => {
  const script = `import('hundredfold/cache/next').then((all) => console.log(Object.keys(all).sort().join()))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script])
  expect(stdout.trim()).toBe(
    'createCacheHandler,createUseCacheHandler,nextInvalidator,nextTag,revalidateRoute',
  )
})
