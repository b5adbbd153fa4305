interface Flight {
  value: Promise<unknown>
  start: unknown
  startedAt: number
}

interface Needs {
  /** The store's moment at which the caller asked; undefined where the store did not answer. */
  start: unknown
  /** Whether a computation that began at `start` is new enough; undefined where its age has to decide. */
  isNewEnough: (start: unknown) => boolean | undefined
}

/**
 * Computations under way, one for each key. A caller shares the one that is under way unless it began before a change that
 * the caller may know of already: then it would get a value older than what it has seen.
 */
export class Flights {
  private readonly flights = new Map<string, Flight>()
  private readonly boundMs: number

  constructor(boundMs: number) {
    this.boundMs = boundMs
  }

  join<Value>(
    key: string,
    { start, isNewEnough }: Needs,
    compute: () => Promise<Value>,
  ): { value: Promise<Value>; isShared: boolean } {
    const under = this.flights.get(key)
    if (under) {
      const isShared = isNewEnough(under.start) ?? performance.now() - under.startedAt <= this.boundMs
      if (isShared) return { value: under.value as Promise<Value>, isShared }
    }
    const value = compute()
    const flight = { value, start, startedAt: performance.now() }
    this.flights.set(key, flight)
    const land = (): void => {
      if (this.flights.get(key) === flight) this.flights.delete(key)
    }
    value.then(land, land)
    return { value, isShared: false }
  }
}
