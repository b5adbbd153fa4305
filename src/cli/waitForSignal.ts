/** Resolves when the signal is aborted. */
export function waitForSignal(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else {
      // An abort listener alone does not keep the process alive.
      const alive = setInterval(() => undefined, 60_000)
      signal.addEventListener('abort', () => {
        clearInterval(alive)
        resolve()
      })
    }
  })
}
