import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NextUseCacheHandler } from '../../../src/cache/next/useCacheHandler.ts'
import { createUseCacheHandler } from '../../../src/cache/next/useCacheHandler.ts'
import { engineIsMissing } from '../../support/engines.ts'
import type { Place } from './places.ts'
import { openPlace } from './places.ts'

const now = () => performance.timeOrigin + performance.now()

/** As Next hands it over: a stream that may still be written to. */
function entryOf(text: string, timestamp = now(), tags = ['cities']) {
  const value = new Blob([text]).stream()
  return { value, tags, timestamp, stale: 300, revalidate: 900, expire: 3600 }
}

describe.each(['memory', 'redis'] as const)("the handler of 'use cache' in %s", (kind) => {
  describe.skipIf(kind === 'redis' && engineIsMissing('redis-server'))('a store', () => {
    let place: Place
    let handler: NextUseCacheHandler

    beforeAll(async () => {
      place = await openPlace(kind)
      handler = createUseCacheHandler(place)
    })
    afterAll(() => place.close())

    async function read(key: string, softTags: string[] = []): Promise<string | undefined> {
      const found = await handler.get(key, softTags)
      return found && new Response(found.value).text()
    }
    /** The first time, Redis begins to follow the tags. */
    async function store(key: string, text: string): Promise<void> {
      for (let time = 0; time < 2; time += 1) {
        await read(key)
        await handler.set(key, Promise.resolve(entryOf(text)))
      }
      expect(await read(key)).toBe(text)
    }

    it('gives each reader a stream of its own, and the times that Next compares', async () => {
      await store('a', 'one')
      expect([await read('a'), await read('a')]).toEqual(['one', 'one'])
      const found = await handler.get('a', [])
      expect(found?.value).toBeInstanceOf(ReadableStream)
      expect(found).toMatchObject({ tags: ['cities'], stale: 300, revalidate: 900, expire: 3600 })
      expect(found?.timestamp).toBeLessThanOrEqual(now())
    })

    it('drops what is announced, what the application revalidates, and what a path revalidates', async () => {
      await store('b', 'one')
      await place.invalidator.invalidate(['cities'])
      expect(await read('b')).toBeUndefined()
      await store('b', 'two')
      await handler.updateTags(['cities'])
      expect(await read('b')).toBeUndefined()
      await store('b', 'three')
      // A path of which nobody has heard may have been revalidated before.
      await read('b', ['_N_T_/path'])
      await store('b', 'four')
      expect(await read('b', ['_N_T_/path'])).toBe('four')
      await handler.updateTags(['_N_T_/path'])
      expect(await read('b')).toBe('four')
      expect(await read('b', ['_N_T_/path'])).toBeUndefined()
      expect(await handler.getExpiration(['_N_T_/path'])).toBe(Infinity)
      await handler.refreshTags()
    })

    it('stores nothing whose computation began before a change of its tags', async () => {
      await store('c', 'old')
      await place.invalidator.invalidate(['cities'])
      expect(await read('c')).toBeUndefined()
      const began = now()
      await place.invalidator.invalidate(['cities'])
      // Somebody else asks after the change.
      expect(await read('other')).toBeUndefined()
      await handler.set('c', Promise.resolve(entryOf('old', began)))
      expect(await read('c')).toBeUndefined()
    })

    it('lets a reader wait for what is being stored', async () => {
      await store('d', 'old')
      await place.invalidator.invalidate(['cities'])
      expect(await read('d')).toBeUndefined()
      let resolve: (entry: ReturnType<typeof entryOf>) => void = () => undefined
      const promise = new Promise<ReturnType<typeof entryOf>>((settle) => (resolve = settle))
      const timestamp = now()
      const setting = handler.set('d', promise)
      const reading = read('d')
      resolve(entryOf('new', timestamp))
      await setting
      expect(await reading).toBe('new')
    })

    it('keeps nothing of a value that breaks off', async () => {
      await store('e', 'old')
      await place.invalidator.invalidate(['cities'])
      expect(await read('e')).toBeUndefined()
      const broken = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('half'))
          controller.error(new Error('the render failed'))
        },
      })
      await handler.set('e', Promise.resolve({ ...entryOf(''), value: broken }))
      await handler.set('e', Promise.reject(new Error('the render failed')))
      expect(await read('e')).toBeUndefined()
    })
  })
})
