/** How a figure is written for people. */
export type CellKind = 'text' | 'count' | 'bytes' | 'ms' | 'seconds' | 'percent'

export type Cell = string | number | boolean | null

/** How figures were come by. */
export type Certainty = 'measured' | 'estimated' | 'measured and estimated'

/** Figures in rows, the worst first. */
export interface TableBlock {
  kind: 'table'
  id: string
  title: string
  figures: Certainty
  columns: { title: string; kind: CellKind }[]
  rows: Cell[][]
  /** Rows that there are beyond those shown. */
  more: number
  note?: string
  /** Which column names a bar, and which ones its length is made of. */
  chart?: { label: number; values: number[] }
}

/** Sentences. */
export interface TextBlock {
  kind: 'text'
  lines: string[]
}

export type Block = TableBlock | TextBlock

/** So many rows a table has at most, where nothing else is said. */
export const mostRows = 30

/** Makes a table of at most `limit` rows and counts the rest; `total` where `rows` are only the first ones. */
export function tableBlock(
  table: Omit<TableBlock, 'kind' | 'columns' | 'more'> & {
    columns: [string, CellKind][]
    limit?: number
    total?: number
  },
): TableBlock {
  const { columns, limit = mostRows, rows, total = rows.length, ...rest } = table
  return {
    kind: 'table',
    ...rest,
    columns: columns.map(([title, kind]) => ({ title, kind })),
    rows: rows.slice(0, limit),
    more: Math.max(0, total - limit),
  }
}

export function textBlock(...lines: string[]): TextBlock {
  return { kind: 'text', lines }
}
