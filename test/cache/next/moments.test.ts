import { expect, it } from 'vitest'
import { Moments } from '../../../src/cache/next/moments.ts'
import { MemoryStore } from '../../../src/cache/memoryStore.ts'

const store = new MemoryStore({ boundMs: 1_000 })

it('knows the latest moment before a time, and nothing before the first', () => {
  let now = 1_000
  const moments = new Moments(store, () => now)
  expect(moments.before(1_000)).toBeUndefined()
  moments.add(1)
  now = 1_001
  moments.add(2)
  expect(moments.before(999)).toBeUndefined()
  expect(moments.before(1_000)).toMatchObject({ at: 1 })
  expect(moments.before(5_000)).toMatchObject({ at: 2 })
})

it('remembers when it first knew of a moment, and ignores an answer that comes late', () => {
  let now = 0
  const moments = new Moments(store, () => now)
  moments.add(5)
  now = 3_600_000
  moments.add(5)
  moments.add(4)
  expect(moments.before(0)).toMatchObject({ at: 5 })
  expect(moments.before(now)).toMatchObject({ at: 5 })
})

it('forgets the oldest of very many', () => {
  let now = 0
  const moments = new Moments(store, () => now)
  for (; now < 20_000; now += 1) moments.add(now)
  expect(moments.before(9_999)).toBeUndefined()
  expect(moments.before(15_000)).toMatchObject({ at: 15_000 })
})
