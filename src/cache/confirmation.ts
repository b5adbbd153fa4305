/**
 * Decides whether a store has been confirmed within the bound, by two clocks. The store's own says how long ago the last
 * confirmed round began; it may be moved. This process's only grows, but sees a beat only when it looks. Each of them alone
 * could be wrong.
 */
export class Confirmation {
  private beat: number | undefined
  private changedAt = -Infinity

  private readonly boundMs: number
  private readonly now: () => number

  constructor(boundMs: number, now = () => performance.now()) {
    this.boundMs = boundMs
    this.now = now
  }

  /**
   * @param beat how many rounds were confirmed so far
   * @param ageMs since the last of them began, by the store's clock; negative where there is none, or the clock was moved
   */
  observe(beat: number, ageMs: number): boolean {
    if (beat !== this.beat) {
      // Of the first beat that it sees, nobody knows how old it is.
      if (this.beat !== undefined) this.changedAt = this.now()
      this.beat = beat
    }
    return ageMs >= 0 && ageMs <= this.boundMs && this.now() - this.changedAt <= this.boundMs
  }

  /** After a lost connection nothing is known. */
  forget(): void {
    this.beat = undefined
    this.changedAt = -Infinity
  }
}
