import type { SequenceUse } from '../catalog/sequences.ts'

export const largestBigint = 9_223_372_036_854_775_807n

/** Smallest and largest value of each type that a sequence fills. */
const limits: Record<string, [bigint, bigint]> = {
  smallint: [-32_768n, 32_767n],
  integer: [-2_147_483_648n, 2_147_483_647n],
  bigint: [-9_223_372_036_854_775_808n, largestBigint],
}

/** The last value that fits both the sequence and its column. */
export function endOfSequence({ maximum, minimum, increment, column }: SequenceUse): bigint {
  const [smallest, largest] = limits[column?.type ?? 'bigint'] ?? [BigInt(minimum), BigInt(maximum)]
  if (increment.startsWith('-')) return BigInt(minimum) > smallest ? BigInt(minimum) : smallest
  return BigInt(maximum) < largest ? BigInt(maximum) : largest
}

/** 0 to 1: how far it has come from its first value to its last possible one. */
export function usedPart(sequence: SequenceUse): number {
  const first = BigInt(sequence.increment.startsWith('-') ? sequence.maximum : sequence.minimum)
  const whole = Number(endOfSequence(sequence) - first)
  return whole === 0 ? 1 : Number(BigInt(sequence.lastValue ?? first) - first) / whole
}
