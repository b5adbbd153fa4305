/** A column as it is stored in a row: its type's length and alignment, and its width as ANALYZE found it. */
export interface ColumnLayout {
  /** Bytes, or negative for a length that varies. */
  typeLength: number
  /** 1, 2, 4 or 8. */
  alignment: number
  /** Average bytes of a value that is not null. */
  width: number
  /** Share of nulls, 0 to 1. */
  nulls: number
}

const tupleHeader = 23
const maxAlignment = 8
/** Values up to this size carry a header of one byte and are not aligned. */
const shortValue = 127

/**
 * Bytes that an average row takes on its page, without its item pointer: header, null bitmap, values with the gaps
 * that alignment leaves between them, rounded up.
 *
 * The gap before a column is exact if all columns before it have a fixed length and are never null. Otherwise it counts
 * as half of the largest possible gap.
 */
export function averageRowBytes(columns: ColumnLayout[]): number {
  const bitmap = columns.some(({ nulls }) => nulls > 0) ? Math.ceil(columns.length / 8) : 0
  const header = alignUp(tupleHeader + bitmap, maxAlignment)
  let offset = header
  let isExact = true
  for (const column of columns) {
    const present = 1 - column.nulls
    const isVariable = column.typeLength < 0
    const alignment = isVariable && column.width < shortValue ? 1 : column.alignment
    const gap = isExact ? alignUp(offset, alignment) - offset : (alignment - 1) / 2
    offset += present * (gap + (isVariable ? column.width : column.typeLength))
    if (isVariable || column.nulls > 0) isExact = false
  }
  // Rows of differing length end anywhere between two multiples of eight.
  return isExact ? alignUp(offset, maxAlignment) : offset + (maxAlignment - 1) / 2
}

export function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment
}
