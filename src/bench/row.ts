/** One line of a bench or demo: a value before and after, and whether the promise is kept. */
export interface BenchRow {
  id: string
  title: string
  /** What the plan promises, in its own words. */
  claim: string
  before: number
  after: number
  /** How many times better `after` is than `before`. */
  ratio: number
  unit: string
  met: boolean
  /** Shared buffers touched, in blocks of 8 kB, if the row is about time. */
  buffers?: { before: number; after: number }
  /** How the two figures were taken. */
  how?: string
}
