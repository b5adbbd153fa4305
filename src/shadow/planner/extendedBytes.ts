import type { Combination } from './extendedState.ts'

/**
 * What PostgreSQL keeps of extended statistics, byte for byte: it prints them and reads none of them back (before 19).
 * The forms are those of `src/backend/statistics/`, the same from 14 to 18, on a little-endian machine.
 */

/** From a number of the source to that of the same column in the shadow; expressions keep theirs. */
export type Renumber = (attnum: number) => number

/** `{"1, 2": 50}` -> `pg_ndistinct`: magic, type, count, and for each a double, a count and the columns' numbers. */
export function ndistinctBytes(text: string, renumber: Renumber): Buffer {
  const items = Object.entries(JSON.parse(text) as Record<string, number>).map(([columns, distinct]) => {
    const attnums = columns.split(',').map((attnum) => renumber(Number(attnum)))
    return Buffer.concat([doubles(distinct), uint32s(attnums.length), int16s(...attnums)])
  })
  return Buffer.concat([uint32s(0xa352bfa4, 1, items.length), ...items])
}

/** `{"1, 2 => 3": 0.9}` -> `pg_dependencies`: the last of the columns' numbers is the one that depends. */
export function dependenciesBytes(text: string, renumber: Renumber): Buffer {
  const items = Object.entries(JSON.parse(text) as Record<string, number>).map(([columns, degree]) => {
    const attnums = columns.split(/,|=>/).map((attnum) => renumber(Number(attnum)))
    return Buffer.concat([doubles(degree), int16s(attnums.length, ...attnums)])
  })
  return Buffer.concat([uint32s(0xb4549a2c, 1, items.length), ...items])
}

/**
 * Puts frequencies into a `pg_mcv_list`, whose items stand at its end: for each a flag a column for NULL, two doubles,
 * and a number a column that tells which value.
 *
 * @param items in the order of the list
 */
export function withFrequencies(list: Buffer, items: readonly Combination[]): Buffer {
  const patched = Buffer.from(list)
  const columns = items[0]?.values.length ?? 0
  const itemSize = columns * 3 + 16
  for (const [at, { frequency, baseFrequency }] of items.entries()) {
    const start = patched.length - (items.length - at) * itemSize + columns
    patched.writeDoubleLE(frequency, start)
    patched.writeDoubleLE(baseFrequency, start + 8)
  }
  return patched
}

function uint32s(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  for (const [at, value] of values.entries()) buffer.writeUInt32LE(value, at * 4)
  return buffer
}

function int16s(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2)
  for (const [at, value] of values.entries()) buffer.writeInt16LE(value, at * 2)
  return buffer
}

function doubles(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 8)
  for (const [at, value] of values.entries()) buffer.writeDoubleLE(value, at * 8)
  return buffer
}
