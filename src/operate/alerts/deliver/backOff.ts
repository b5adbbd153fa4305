/** How long to wait between tries. */
export interface BackOff {
  firstMs: number
  mostMs: number
}

/**
 * Doubles with each failure. A random half of it is left out, so that many monitors do not come back at the same moment
 * to a receiver that has just recovered. A receiver that says when to come again is not asked before.
 */
export function pauseMs(
  { firstMs, mostMs }: BackOff,
  { failures, afterMs = 0 }: { failures: number; afterMs?: number | undefined },
  random: () => number = Math.random,
): number {
  const longest = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30))
  const jittered = longest / 2 + (random() * longest) / 2
  return afterMs > 0 ? afterMs + random() * Math.min(longest, afterMs / 10) : jittered
}
