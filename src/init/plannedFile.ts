/** A file that `init` wants to write, whole. */
export interface PlannedFile {
  /** Relative to the project. */
  path: string
  text: string
  isNew: boolean
  /** What it is for, or what changes in it. */
  what: string
}

/** Something that is left as it is, and why. */
export interface Kept {
  path: string
  reason: string
}

/** What `init` wants of one file; nothing, if it is as it should be. */
export interface Wanted {
  file?: PlannedFile
  kept?: Kept
}
