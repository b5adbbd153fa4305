/** The time that a check may take. */
export interface Clock {
  remainingMs(): number
  isOver(): boolean
  /** A clock that ends after `share` (0 to 1) of what is left of this one. */
  part(share: number): Clock
}

/** A clock that runs from now. */
export function startClock(budgetMs: number): Clock {
  const end = performance.now() + budgetMs
  const remainingMs = () => Math.max(0, end - performance.now())
  return {
    remainingMs,
    isOver: () => remainingMs() === 0,
    part: (share) => startClock(remainingMs() * share),
  }
}
