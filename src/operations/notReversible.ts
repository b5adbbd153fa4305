/** A maker of operations throws it where it cannot write a `down` that restores exactly what was there. */
export class NotReversible extends Error {
  /** Completes the sentence "No migration is offered, because ...". */
  readonly reason: string

  constructor(reason: string) {
    super(reason)
    this.name = 'NotReversible'
    this.reason = reason
  }
}
