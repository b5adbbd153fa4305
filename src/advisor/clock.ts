/** How far a step is. */
export interface Part {
  done: number
  of: number
}

/** The time for planning and choosing. */
export interface Clock {
  /** Whether planning has used its share. */
  isOver(): boolean
  /** What is left for the choice. */
  secondsToChoose(): number
}

/** Of the time limit; what planning does not need is the choice's. */
const shareOfPlanning = 0.75

/** Starts now. Where the limit is never met, nothing hangs on the time. */
export function startClock(timeLimit: number): Clock {
  const start = performance.now()
  const passed = (): number => (performance.now() - start) / 1000
  return {
    isOver: () => passed() >= timeLimit * shareOfPlanning,
    secondsToChoose: () => Math.max(timeLimit - passed(), timeLimit * (1 - shareOfPlanning)),
  }
}
