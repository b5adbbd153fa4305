import type { GinPages } from './ginPages.ts'

/** What the size of an index hangs on, as the shadow's catalog and statistics tell it. */
export interface IndexShape {
  method: string
  unique: boolean
  /** Per cent; the method's default where none is set. */
  fillfactor: number | null
  /** B-tree keys that are equal are one entry with a list of rows, unless this is off. */
  deduplicates: boolean
  /** GiST sorts the rows before it builds, and fills the pages, where the operator class can. */
  sorts: boolean
  /** Of `brin`. */
  pagesPerRange: number | null
  /** Rows in the index, as the planner estimates them, and blocks of the table. */
  rows: number
  tableBlocks: number
  columns: KeyColumn[]
}

/** A key column, or one that is only carried along. */
export interface KeyColumn {
  isKey: boolean
  /** Bytes; -1 for a length that varies. */
  length: number
  /** 1, 2, 4 or 8. */
  alignment: number
  opclass: string
  statistics: KeyStatistics
}

/** Of the values that go into the index. */
export interface KeyStatistics {
  nullFraction: number
  /** Bytes on average. */
  width: number
  /** Different values, without NULL. */
  distinct: number
  /** Of the most common values, each a share of all rows. */
  commonFrequencies: number[]
  /** 1 or -1 where rows lie in the order of the values. */
  correlation: number
  /** Of arrays and texts cut into words: how many different elements a value has, and how often the commonest occur. */
  elementsPerValue: number | null
  elementFrequencies: number[]
  elementWidth: number
}

const pageBytes = 8192
const pageHeader = 24
const lineItem = 4
const tupleHeader = 8

/** Blocks that an index takes right after it is built. */
export function estimateBlocks(shape: IndexShape): number {
  switch (shape.method) {
    case 'btree':
      return btreeBlocks(shape)
    case 'hash':
      return hashBlocks(shape)
    case 'gin':
      return ginBlocks(ginPagesOf(shape))
    case 'brin':
      return brinBlocks(shape)
    case 'spgist':
      return treeBlocks(shape, { fill: 0.75, perEntry: 12 })
    default:
      // GiST, and what an extension brings that is like it.
      return treeBlocks(shape, { fill: shape.sorts ? 0.9 : 0.6, perEntry: 0 })
  }
}

/** Bytes of a page of a B-tree without its header and its links. */
const btreePage = pageBytes - pageHeader - 16

/** Lots of equal entries that are merged into one list each. */
interface Lots {
  /** How many lots there are. */
  count: number
  /** Rows of each. */
  copies: number
}

/** `nbtsort.c`: leaves are filled to the fillfactor, and equal keys merged into lists of at most a tenth of a page. */
function btreeBlocks({ rows, columns, fillfactor, unique, deduplicates }: IndexShape): number {
  const tuple = tupleBytes(columns)
  const merges = deduplicates && !unique && columns.every(({ isKey }) => isKey)
  const lots = merges ? lotsOf(rows, columns) : [{ count: rows, copies: 1 }]
  const entries = lots.flatMap((lot) => entriesOf(lot, tuple))
  const bytes = entries.reduce((sum, { count, size }) => sum + count * size, 0)
  // Of the last entry of a page, which is as often a large one as these take room.
  const last = entries.reduce((sum, { count, size }) => sum + count * size * size, 0) / Math.max(1, bytes)
  const leaves = Math.max(
    1,
    Math.ceil(bytes / roomForEntries(fillfactor ?? 90, { last, key: tuple + lineItem })),
  )
  const fanout = Math.max(2, Math.floor((btreePage * 0.7) / (tuple + lineItem)))
  let blocks = 1 + leaves
  for (let level = leaves; level > 1;) {
    level = Math.ceil(level / fanout)
    blocks += level
  }
  return blocks
}

/**
 * A page is full when less than the fillfactor leaves is free; what its last list would shrink by, were it but a key, counts
 * as free. That last entry then moves to the next page and leaves its key.
 */
function roomForEntries(fillfactor: number, { last, key }: { last: number; key: number }): number {
  const leave = Math.max(0, (pageBytes * (100 - fillfactor)) / 100 - Math.max(0, last - key))
  const free = Math.max(last / 2, leave - last / 2)
  return Math.max(key, btreePage - free - last)
}

/** A list holds one key and six bytes a row. */
function entriesOf({ count, copies }: Lots, tuple: number): { count: number; size: number }[] {
  if (copies < 2) return [{ count: count * copies, size: tuple + lineItem }]
  const longest = Math.floor((pageBytes * 0.1) / 8) * 8 - lineItem
  const perList = Math.max(1, Math.floor((longest - tuple) / 6))
  const whole = Math.floor(copies / perList)
  const rest = copies - whole * perList
  const list = (of: number): number => align(tuple + of * 6, 8) + lineItem
  return [{ count: count * whole, size: list(perList) }, ...(rest >= 1 ? [{ count, size: list(rest) }] : [])]
}

/** More combinations of common values are not told apart. */
const mostCombinations = 20_000

/** How often values come together, as if the columns had nothing to do with each other. */
function lotsOf(rows: number, columns: KeyColumn[]): Lots[] {
  if (rows < 1) return []
  let groups: { count: number; share: number }[] = [{ count: 1, share: 1 }]
  for (const { statistics } of columns) {
    const own = sharesOf(statistics)
    if (groups.length * own.length > mostCombinations) {
      const count = groups.reduce((sum, group) => sum + group.count, 0)
      groups = [{ count, share: 1 / count }]
    }
    groups = groups.flatMap((group) =>
      own.map(({ count, share }) => ({ count: group.count * count, share: group.share * share })),
    )
  }
  return groups.map(({ count, share }) => {
    const there = Math.min(count, rows)
    // Of more combinations than rows, each that is there has one.
    return { count: there, copies: (rows * share * count) / there }
  })
}

/** The common values one by one, the others alike, and NULL. */
function sharesOf({
  commonFrequencies,
  nullFraction,
  distinct,
}: KeyStatistics): { count: number; share: number }[] {
  const common = commonFrequencies.reduce((sum, frequency) => sum + frequency, 0)
  const rest = Math.max(0, 1 - common - nullFraction)
  const others = Math.max(1, distinct - commonFrequencies.length)
  return [
    ...commonFrequencies.map((share) => ({ count: 1, share })),
    ...(rest > 0 ? [{ count: others, share: rest / others }] : []),
    ...(nullFraction > 0 ? [{ count: 1, share: nullFraction }] : []),
  ]
}

/** An entry of a B-tree, without its line pointer: header, a bitmap where something is NULL, and the values, aligned. */
function tupleBytes(columns: KeyColumn[]): number {
  const withNulls = columns.reduce((share, { statistics }) => share * (1 - statistics.nullFraction), 1)
  let data = 0
  for (const { length, alignment, statistics } of columns) {
    // PostgreSQL cuts the average down to a whole number.
    const width = length > 0 ? length : statistics.width + 0.5
    // Short values of varying length are not aligned.
    if (length > 0 || width > 127) data = align(data, alignment)
    data += width * (1 - statistics.nullFraction)
  }
  return tupleHeader + align(Math.max(data, 1), 8) + (1 - withNulls) * 8
}

/** `hash.c`: an entry is a header and four bytes; buckets are filled to 75 % and their number grows in quarters of powers of two. */
function hashBlocks({ rows, fillfactor }: IndexShape): number {
  const perPage = Math.floor((pageBytes * ((fillfactor ?? 75) / 100)) / 20)
  const buckets = Math.max(2, rows / perPage)
  const power = 2 ** Math.floor(Math.log2(buckets))
  const quarter = power / 4
  const allocated = power < 512 ? 2 ** Math.ceil(Math.log2(buckets)) : Math.ceil(buckets / quarter) * quarter
  // The first page and a bitmap; pages that overflow where values repeat take the place of buckets that are left empty.
  return 2 + allocated + Math.ceil(allocated * 0.05)
}

/** One entry for each different element, with a list of rows: within the entry, or on pages of its own where it is long. */
export function ginPagesOf({ rows, columns, tableBlocks }: IndexShape): GinPages {
  const rowsPerBlock = Math.max(1, rows / Math.max(1, tableBlocks))
  let leafBytes = 0
  let dataPages = 0
  let entries = 0
  for (const { statistics, opclass } of columns) {
    const values = rows * (1 - statistics.nullFraction)
    for (const { count, share } of elementsOf(opclass, statistics, values)) {
      const list = share * values * bytesOfDelta(share * (1 - statistics.nullFraction), rowsPerBlock)
      const isLong = list > longestInEntry
      const entry = tupleHeader + statistics.elementWidth + 8 + (isLong ? 0 : list)
      leafBytes += count * (align(entry, 8) + lineItem)
      entries += count
      if (isLong) {
        const pages = Math.ceil(list / (pageBytes * 0.95))
        dataPages += count * (pages > 1 ? pages + 1 : 1)
      }
    }
  }
  // Entries come in their order, and a full page is halved.
  const leaves = Math.max(1, Math.ceil(leafBytes / (pageBytes * 0.56)))
  const entryPages = leaves + (leaves > 1 ? Math.ceil(leaves / 150) : 0)
  return { entryPages, dataPages: Math.ceil(dataPages), entries }
}

/** Block 0 counts the others. */
const ginBlocks = ({ entryPages, dataPages }: GinPages): number => 1 + entryPages + dataPages

/** `GinMaxItemSize`: three entries must fit on a page. */
const longestInEntry = 2_700

/**
 * `ginpostinglist.c`: seven bits a byte of the distance to the next row, where a block counts as 2,048 rows: one byte
 * within a block, two up to 7 blocks on, three up to 1,023.
 */
function bytesOfDelta(share: number, rowsPerBlock: number): number {
  const p = Math.min(1, Math.max(share, 1e-9))
  if (p > 0.999) return 1 + 1 / rowsPerBlock
  const beyond = (rows: number): number => (1 - p) ** rows
  const leavesBlock = (1 - beyond(rowsPerBlock)) / (p * rowsPerBlock)
  return 1 + leavesBlock + beyond(rowsPerBlock * 7.5) + beyond(rowsPerBlock * 1023.5)
}

/** Elements by how often they occur: a share of the values. */
function elementsOf(
  opclass: string,
  statistics: KeyStatistics,
  values: number,
): { count: number; share: number }[] {
  const { elementFrequencies } = statistics
  const perValue = elementsPerValue(opclass, statistics)
  if (opclass.startsWith('gin_trgm')) return trigramsOf(perValue, values)
  const rare = Math.max(0, (perValue - elementFrequencies.reduce((sum, each) => sum + each, 0)) * values)
  const others = rareElements({ rare, values, perValue, statistics })
  return [
    ...elementFrequencies.map((share) => ({ count: 1, share })),
    ...(others > 0 ? [{ count: others, share: rare / others / values }] : []),
  ]
}

/** There are some ten thousand trigrams in any language, the second half as common as the first, and so on. */
function trigramsOf(perValue: number, values: number): { count: number; share: number }[] {
  const different = Math.max(1, Math.min(10_000, perValue * values))
  const groups: { count: number; weight: number }[] = []
  for (let first = 1; first <= different; first = Math.ceil(first * 1.2)) {
    const end = Math.min(different + 1, Math.ceil(first * 1.2))
    groups.push({ count: end - first, weight: 2 / (first + end) })
  }
  // No trigram is in more than all values: what is too much for the first goes to the others.
  let scale = 0
  for (let round = 0; round < 8; round += 1) {
    const free = groups.filter(({ weight }) => weight * scale < 1 || scale === 0)
    const full = groups.filter((group) => !free.includes(group)).reduce((sum, { count }) => sum + count, 0)
    scale = (perValue - full) / free.reduce((sum, { count, weight }) => sum + count * weight, 0)
  }
  return groups.map(({ count, weight }) => ({ count, share: Math.min(1, weight * scale) }))
}

function elementsPerValue(
  opclass: string,
  { elementsPerValue: known, width, elementFrequencies }: KeyStatistics,
): number {
  if (known !== null) return known
  // A text says some of its trigrams twice.
  if (opclass.startsWith('gin_trgm')) return Math.max(2, 0.8 * (width + 1))
  // Keys and values of a document count one by one, or its paths do.
  if (opclass === 'jsonb_path_ops') return Math.max(1, width / 18)
  if (opclass.startsWith('jsonb')) return Math.max(1, width / 10)
  // Words, each with where it stands.
  const counted = elementFrequencies.reduce((sum, each) => sum + each, 0)
  return Math.max(1, counted, counted > 0 ? 0 : width / 14)
}

function rareElements({
  rare,
  values,
  perValue,
  statistics,
}: {
  rare: number
  values: number
  perValue: number
  statistics: KeyStatistics
}): number {
  if (rare < 1) return 0
  const ceiling = statistics.elementFrequencies.at(-1)
  // An element that is none of the common ones is at most as frequent as the last of these.
  if (ceiling !== undefined) return Math.min(rare, Math.max(1, rare / Math.max(1, (ceiling * values) / 4)))
  return Math.min(rare, Math.max(1, (statistics.distinct * perValue) / 4))
}

/** One summary for each range of blocks, and a map with six bytes a range. */
function brinBlocks({ tableBlocks, pagesPerRange, columns }: IndexShape): number {
  const ranges = Math.ceil(tableBlocks / (pagesPerRange ?? 128))
  const summary =
    16 +
    columns.reduce((sum, { length, statistics }) => sum + 2 * (length > 0 ? length : statistics.width), 0)
  return (
    1 +
    Math.max(1, Math.ceil((ranges * 6) / (pageBytes - 32))) +
    Math.ceil((ranges * (align(summary, 8) + lineItem)) / (pageBytes - 32))
  )
}

function treeBlocks(
  { rows, columns }: IndexShape,
  { fill, perEntry }: { fill: number; perEntry: number },
): number {
  const entry = tupleBytes(columns.map(withTrigrams)) + lineItem + perEntry
  const leaves = Math.max(1, Math.ceil((rows * entry) / ((pageBytes - pageHeader - 16) * fill)))
  return leaves + Math.ceil(leaves / 100)
}

/** GiST keeps the trigrams of a text themselves, three bytes each. */
function withTrigrams(column: KeyColumn): KeyColumn {
  if (!column.opclass.startsWith('gist_trgm')) return column
  const { statistics } = column
  return { ...column, statistics: { ...statistics, width: 5 + 3 * (statistics.width + 1) } }
}

const align = (bytes: number, to: number): number => Math.ceil(bytes / to) * to
