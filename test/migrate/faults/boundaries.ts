import type { Command } from './runners.ts'

/** The boundaries of one migration: each is hit by one walker, however many walk through it. */
export class Boundaries {
  private readonly taken = new Map<Command, number>()
  private readonly left: Set<Command>

  constructor(commands: Command[]) {
    this.left = new Set(commands)
  }

  /** The next one that nobody has hit. */
  take(command: Command): number {
    const boundary = (this.taken.get(command) ?? 0) + 1
    this.taken.set(command, boundary)
    return boundary
  }

  /** A run ended before it came to its boundary: there are no more. */
  end(command: Command): void {
    this.left.delete(command)
  }

  areLeft(command?: Command): boolean {
    return command ? this.left.has(command) : this.left.size > 0
  }
}
