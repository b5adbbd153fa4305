/** A part of an expression that formulas do not model: nothing is known of the whole, and nothing may be proven. */
export class Unmodelled extends Error {
  override name = 'Unmodelled'
}

/** The result of `attempt`, or undefined where it comes to something that is not modelled. */
export function ifModelled<T>(attempt: () => T): T | undefined {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof Unmodelled) return undefined
    throw error
  }
}
