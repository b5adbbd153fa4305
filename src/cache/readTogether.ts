import type { Redis } from 'ioredis'

/** More in one command would let the other clients of Redis wait. */
const maxKeys = 256

type Values = (string | null)[]

interface Waiting {
  /** Where its keys are in the command. */
  places: readonly number[]
  resolve: (values: Values) => void
  reject: (error: unknown) => void
}

/**
 * Reads keys from Redis, all that are asked for in one turn of the event loop with one command, each key once: a process
 * that serves many visitors spends most of a read on the command itself.
 *
 * @example
 * const read = readTogether(redis)
 * await Promise.all([read(['a', 'b']), read(['a', 'c'])]) // one MGET a b c
 */
export function readTogether(redis: Redis): (keys: readonly string[]) => Promise<Values> {
  let waiting: Waiting[] = []
  let places = new Map<string, number>()

  function send(): void {
    const [asked, keys] = [waiting, Array.from(places.keys())]
    waiting = []
    places = new Map()
    if (keys.length === 0) return
    redis.mget(keys).then(
      (values) => {
        for (const { places, resolve } of asked) resolve(places.map((place) => values[place] ?? null))
      },
      (error: unknown) => {
        for (const { reject } of asked) reject(error)
      },
    )
  }

  function placeOf(key: string): number {
    const place = places.get(key) ?? places.size
    places.set(key, place)
    return place
  }

  return (keys) =>
    new Promise((resolve, reject) => {
      if (places.size > 0 && places.size + keys.length > maxKeys) send()
      // After everything that goes on with an answer of the same turn.
      if (places.size === 0) process.nextTick(send)
      waiting.push({ places: keys.map(placeOf), resolve, reject })
    })
}
