/**
 * Several walkers stop at a point of their own, and when all of them stand still, something is done to all of
 * them at once: one crash of a server hits as many runs as there are databases on it.
 */
export class Barrier {
  private readonly act: () => Promise<void>
  private walking: number
  private waiting: { resolve: () => void; reject: (reason: unknown) => void }[] = []

  constructor(walkers: number, act: () => Promise<void>) {
    this.walking = walkers
    this.act = act
  }

  /** Resolves when it has been done. */
  arrive(): Promise<void> {
    const arrived = new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }))
    this.actIfAllStand()
    return arrived
  }

  /** One walker will not come any more. */
  leave(): void {
    this.walking -= 1
    this.actIfAllStand()
  }

  private actIfAllStand(): void {
    if (this.waiting.length === 0 || this.waiting.length < this.walking) return
    const all = this.waiting
    this.waiting = []
    this.act().then(
      () => all.forEach(({ resolve }) => resolve()),
      (error: unknown) => all.forEach(({ reject }) => reject(error)),
    )
  }
}
