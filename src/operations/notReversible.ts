/** A function that makes operations throws it if it cannot write a `down` that restores the exact state before. */
export class NotReversible extends Error {
  /** Completes the sentence "No migration is offered, because ...". */
  readonly reason: string

  constructor(reason: string) {
    super(reason)
    this.name = 'NotReversible'
    this.reason = reason
  }
}
