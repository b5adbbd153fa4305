/** A statement that no advice counts, and why. */
export interface LeftOut {
  /** `line` is undefined where it stands in no file. */
  statement: { name: string; line: number | undefined }
  reason: string
}

/** What advice hangs on and nobody knows well. */
export interface Unsure {
  /** A table, an extension, a statement ... */
  about: string
  reason: string
}
