/** Why a statement's answer is not offered to a shared cache. */
export interface Refusal {
  /** A phrase that names the object: `it calls now(), which ...`. */
  reason: string
  /** It might be shared, but nobody can tell: something is hidden or cannot be read. */
  isUnclear: boolean
}

export function certain(reason: string): Refusal {
  return { reason, isUnclear: false }
}

export function unclear(reason: string): Refusal {
  return { reason, isUnclear: true }
}
