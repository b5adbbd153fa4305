import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NextCacheHandler } from '../../../src/cache/next/cacheHandler.ts'
import { createCacheHandler } from '../../../src/cache/next/cacheHandler.ts'
import { nextTag } from '../../../src/cache/next/nextTag.ts'
import { engineIsMissing } from '../../support/engines.ts'
import type { Place } from './places.ts'
import { openPlace } from './places.ts'

/** As Next stores a page: with buffers and maps. */
const page = (html: string, ...tags: string[]) => ({
  kind: 'APP_PAGE',
  html,
  rscData: Buffer.from([0, 255, 1]),
  segmentData: new Map([['/_tree', Buffer.from('tree')]]),
  postponed: undefined,
  status: 200,
  headers: { 'x-next-cache-tags': tags.join(','), vary: 'rsc' },
})
const data = (body: string) => ({ kind: 'FETCH', data: { body }, revalidate: 3600 })

describe.each(['memory', 'redis'] as const)('the handler of pages and data in %s', (kind) => {
  describe.skipIf(kind === 'redis' && engineIsMissing('redis-server'))('a store', () => {
    let place: Place
    let Handler: NextCacheHandler
    const outages: string[] = []

    beforeAll(async () => {
      place = await openPlace(kind)
      Handler = createCacheHandler({
        ...place,
        onOutage: (error) => outages.push(error ? 'out' : 'back'),
      })
    })
    afterAll(() => place.close())

    type Value = Parameters<InstanceType<NextCacheHandler>['set']>[1]
    /** One request: it asks, and where there is nothing it computes and stores. */
    async function request(key: string, value: Value, context = {}): Promise<unknown> {
      const handler = new Handler()
      const found = await handler.get(key, context)
      if (found) return found.value
      await handler.set(key, value, context)
      return 'computed'
    }
    /** The first time, Redis begins to follow the tags of a page. */
    async function store(key: string, value: Value, context = {}): Promise<void> {
      await request(key, value, context)
      await request(key, value, context)
      expect(await request(key, null, context)).toEqual(value)
    }

    it('gives back pages with their buffers and maps, and when they were stored', async () => {
      const before = Date.now()
      await store('/a', page('one', 'cities', '_N_T_/layout'), {
        cacheControl: { revalidate: 60, expire: 3600 },
      })
      const found = await new Handler().get('/a')
      expect(found?.cacheControl).toEqual({ revalidate: 60, expire: 3600 })
      expect(found?.lastModified).toBeGreaterThanOrEqual(before)
      expect(found?.value).toEqual(page('one', 'cities', '_N_T_/layout'))
      expect(found?.value).toMatchObject({
        rscData: expect.any(Buffer) as Buffer,
        segmentData: expect.any(Map) as Map<string, Buffer>,
      })
    })

    it('drops what an announced tag changes, and nothing else', async () => {
      await store('/b', page('one', 'cities', '_N_T_/layout'))
      await store('/c', page('one', 'professionals', '_N_T_/layout'))
      await store('data', data('one'), { tags: ['cities'], softTags: ['_N_T_/layout'] })
      await place.invalidator.invalidate(['cities'])
      expect(await new Handler().get('/b')).toBeNull()
      expect(await new Handler().get('data', { tags: ['cities'] })).toBeNull()
      expect(await new Handler().get('/c')).not.toBeNull()
      await place.invalidator.invalidate(['*'])
      expect(await new Handler().get('/c')).toBeNull()
    })

    it('drops data for a path that was revalidated, though the data carries no such tag', async () => {
      const onOther = { tags: ['cities'], softTags: ['_N_T_/other'] }
      const onPath = { tags: ['cities'], softTags: ['_N_T_/path'] }
      await store('shared', data('one'), onOther)
      await store('shared', data('one'), onPath)
      await new Handler().revalidateTag('_N_T_/path')
      expect(await new Handler().get('shared', onOther)).not.toBeNull()
      expect(await new Handler().get('shared', onPath)).toBeNull()
      await new Handler().revalidateTag(['cities', 'others'])
      expect(await new Handler().get('shared', onOther)).toBeNull()
    })

    it('stores nothing that was computed before a change of its tags, whoever asked in between', async () => {
      await store('/d', page('old', 'cities'))
      await place.invalidator.invalidate(['cities'])
      const slow = new Handler()
      expect(await slow.get('/d')).toBeNull()
      await place.invalidator.invalidate(['cities'])
      const other = new Handler()
      expect(await other.get('/d')).toBeNull()
      // Asking again does not make its computation younger.
      expect(await slow.get('/d')).toBeNull()
      await slow.set('/d', page('old', 'cities'))
      expect(await new Handler().get('/d')).toBeNull()
      await other.set('/d', page('new', 'cities'))
      await slow.set('/d', page('old', 'cities'))
      expect((await new Handler().get('/d'))?.value).toMatchObject({ html: 'new' })
    })

    it('stores nothing of which it does not know when it was begun, and no page that was not found', async () => {
      await new Handler().set('/e', page('one', 'cities'))
      expect(await new Handler().get('/e')).toBeNull()
      const handler = new Handler()
      await handler.get('/e')
      await handler.set('/e', null)
      expect(await new Handler().get('/e')).toBeNull()
    })

    it.each(['city:Zürich', 'city:a,b', 'city:100 %', 'city:☃, %2C 👍'])('knows the tag %s', async (tag) => {
      await store(`/${tag}`, page('one', nextTag(tag), '_N_T_/layout'))
      await place.invalidator.invalidate([tag])
      expect(await new Handler().get(`/${tag}`)).toBeNull()
    })

    if (kind === 'redis')
      it('computes where Redis is down, says so once, and trusts nothing from before', async () => {
        await store('/f', page('one', 'cities'))
        await place.redis?.kill()
        expect(await request('/f', page('two', 'cities'))).toBe('computed')
        expect(await request('/f', page('two', 'cities'))).toBe('computed')
        expect(outages).toEqual(['out'])
        await expect(new Handler().revalidateTag('cities')).rejects.toThrow()
        await place.redis?.start()
        await expect
          .poll(async () => [await new Handler().get('/f'), outages], { timeout: 5_000 })
          .toEqual([null, ['out', 'back']])
      })
  })
})
