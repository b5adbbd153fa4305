import type { Operation } from '../../src/operations/operation.ts'
import { writeMigrations } from '../../src/optimize/writeMigrations.ts'

/** Each operation of a series in a file of its own, in this order. */
export async function writeSeries(directory: string, operations: Operation[]): Promise<void> {
  await writeMigrations(
    directory,
    operations.map((operation) => ({ operation, operations: [operation] })),
  )
}
