import { expect, test } from 'vitest'
import { RedisClock } from '../../src/cache/redisClock.ts'

const here = { elapsedMs: 1_000, wallMs: 5_000_000 }
function clockAt(moment: { elapsedMs: number; wallMs: number }): RedisClock {
  const clock = new RedisClock(500, () => ({
    elapsedMs: 1_000 + moment.elapsedMs,
    wallMs: 5_000_000 + moment.wallMs,
  }))
  clock.set(7_000_000, here)
  return clock
}

test('goes on from what Redis said', () => {
  expect(clockAt({ elapsedMs: 40, wallMs: 40 }).now()).toBe(7_000_040)
})

test('goes by the longer time: a suspended machine counts nothing, and the wall clock may be set back', () => {
  expect(clockAt({ elapsedMs: 5, wallMs: 300 }).now()).toBe(7_000_300)
  expect(clockAt({ elapsedMs: 300, wallMs: -3_600_000 }).now()).toBe(7_000_300)
})

test('says nothing after too long, or before Redis said anything', () => {
  expect(clockAt({ elapsedMs: 501, wallMs: 501 }).now()).toBeUndefined()
  expect(clockAt({ elapsedMs: 1, wallMs: 3_600_000 }).now()).toBeUndefined()
  expect(new RedisClock(500).now()).toBeUndefined()
  const forgotten = clockAt({ elapsedMs: 1, wallMs: 1 })
  forgotten.forget()
  expect(forgotten.now()).toBeUndefined()
})
