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
      return ginBlocks(shape)
    case 'brin':
      return brinBlocks(shape)
    case 'spgist':
      return treeBlocks(shape, { fill: 0.75, perEntry: 12 })
    default:
      // GiST, and what an extension brings that is like it.
      return treeBlocks(shape, { fill: shape.sorts ? 0.9 : 0.6, perEntry: 0 })
  }
}

/** `nbtsort.c`: leaves are filled to the fillfactor, and equal keys merged into lists of at most a tenth of a page. */
function btreeBlocks({ rows, columns, fillfactor, unique, deduplicates }: IndexShape): number {
  const opaque = 16
  const usable = (pageBytes - pageHeader - opaque) * ((fillfactor ?? 90) / 100)
  const tuple = tupleBytes(columns)
  const merges = deduplicates && !unique && columns.every(({ isKey }) => isKey)
  const bytes = merges ? mergedBytes(rows, columns, tuple) : rows * (tuple + lineItem)
  const leaves = Math.max(1, Math.ceil(bytes / usable))
  const fanout = Math.max(2, Math.floor(((pageBytes - pageHeader - opaque) * 0.7) / (tuple + lineItem)))
  let blocks = 1 + leaves
  for (let level = leaves; level > 1;) {
    level = Math.ceil(level / fanout)
    blocks += level
  }
  return blocks
}

/** A list holds one key and six bytes a row. */
function mergedBytes(rows: number, columns: KeyColumn[], tuple: number): number {
  const longest = Math.floor((pageBytes * 0.1) / 8) * 8 - lineItem
  const perList = Math.max(1, Math.floor((longest - tuple) / 6))
  const bytesOf = (copies: number): number => {
    if (copies < 2) return copies * (tuple + lineItem)
    const whole = Math.floor(copies / perList)
    const rest = copies - whole * perList
    const list = (of: number): number => align(tuple + of * 6, 8) + lineItem
    return whole * list(perList) + (rest >= 1 ? list(rest) : 0)
  }
  const [only] = columns
  if (columns.length > 1 || !only) {
    const distinct = Math.min(
      rows,
      columns.reduce((product, { statistics }) => product * distinctOf(statistics), 1),
    )
    return distinct * bytesOf(rows / Math.max(1, distinct))
  }
  const { commonFrequencies, nullFraction, distinct } = only.statistics
  const common = commonFrequencies.reduce((sum, frequency) => sum + frequency, 0)
  const others = Math.max(0, distinct - commonFrequencies.length)
  const otherRows = Math.max(0, rows * (1 - common - nullFraction))
  return (
    commonFrequencies.reduce((sum, frequency) => sum + bytesOf(rows * frequency), 0) +
    bytesOf(rows * nullFraction) +
    (others > 0 ? others * bytesOf(otherRows / others) : bytesOf(otherRows))
  )
}

const distinctOf = ({ distinct, nullFraction }: KeyStatistics): number =>
  Math.max(1, distinct) + (nullFraction > 0 ? 1 : 0)

/** An entry of a B-tree, without its line pointer: header, a bitmap where something is NULL, and the values, aligned. */
function tupleBytes(columns: KeyColumn[]): number {
  const withNulls = columns.reduce((share, { statistics }) => share * (1 - statistics.nullFraction), 1)
  let data = 0
  for (const { length, alignment, statistics } of columns) {
    const width = length > 0 ? length : statistics.width
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

/** One entry for each different element, with a list of rows, in which a row takes about as many bytes as its distance to the next. */
function ginBlocks({ rows, columns }: IndexShape): number {
  let bytes = 0
  for (const { statistics, opclass } of columns) {
    const { nullFraction, elementFrequencies, elementWidth } = statistics
    const values = rows * (1 - nullFraction)
    const perValue = elementsPerValue(opclass, statistics)
    const items = values * perValue
    const known = elementFrequencies.reduce((sum, frequency) => sum + frequency * values, 0)
    const rare = Math.max(0, items - known)
    const rareEntries = rareElements(opclass, { rare, rows, perValue, statistics })
    const entryBytes = tupleHeader + align(elementWidth + 8, 8) + lineItem
    const list = (of: number): number => of * bytesOfDelta(rows / Math.max(1, of))
    bytes += elementFrequencies.reduce((sum, frequency) => sum + entryBytes + list(frequency * values), 0)
    bytes += rareEntries * (entryBytes + list(rare / Math.max(1, rareEntries)))
  }
  // Entries are inserted one by one: pages are about two thirds full; lists of their own pages are packed.
  return 2 + Math.ceil(bytes / (pageBytes * 0.7))
}

/** `ginpostinglist.c`: seven bits a byte of the distance, where a block counts as 2,048 rows. */
function bytesOfDelta(rowsBetween: number): number {
  const rowsPerBlock = 60
  const distance = rowsBetween < rowsPerBlock ? rowsBetween : (rowsBetween / rowsPerBlock) * 2048
  return Math.max(1, Math.ceil(Math.log2(distance + 1) / 7))
}

function elementsPerValue(opclass: string, { elementsPerValue: known, width }: KeyStatistics): number {
  if (known !== null) return known
  if (opclass.startsWith('gin_trgm')) return Math.max(2, width + 1)
  // Keys and values of a document count one by one, or its paths do.
  if (opclass === 'jsonb_path_ops') return Math.max(1, width / 18)
  if (opclass.startsWith('jsonb')) return Math.max(1, width / 10)
  return Math.max(1, width / 8)
}

function rareElements(
  opclass: string,
  {
    rare,
    rows,
    perValue,
    statistics,
  }: { rare: number; rows: number; perValue: number; statistics: KeyStatistics },
): number {
  if (rare < 1) return 0
  // There are some ten thousand trigrams in any language.
  if (opclass.startsWith('gin_trgm')) return Math.min(rare, 10_000)
  const ceiling = statistics.elementFrequencies.at(-1)
  // An element that is none of the common ones is at most as frequent as the last of these.
  if (ceiling !== undefined) return Math.min(rare, Math.max(1, rare / Math.max(1, (ceiling * rows) / 4)))
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
