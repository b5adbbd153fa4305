import { messageOf } from '../errors.ts'
import type { Invalidator } from './invalidator.ts'

/** The cache did not take what it was told: it could not be reached, refused, or did not answer in time. */
export class InvalidatorError extends Error {}

/** Longer than that the cache may not take for a call: rows of the outbox are held meanwhile. */
const answersWithinMs = 5_000

/** The same cache, each of whose calls fails with an InvalidatorError where it takes too long or fails. */
export function limitAnswers(invalidator: Invalidator, withinMs = answersWithinMs): Invalidator {
  return {
    async begin() {
      const round = await limit(invalidator.begin(), withinMs)
      return { confirm: () => limit(round.confirm(), withinMs) }
    },
    invalidate: (tags) => limit(invalidator.invalidate(tags), withinMs),
  }
}

async function limit<T>(answer: Promise<T>, withinMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${withinMs / 1_000} s`)), withinMs)
  })
  try {
    return await Promise.race([answer, silence])
  } catch (error) {
    throw new InvalidatorError(`the cache failed: ${messageOf(error)}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
