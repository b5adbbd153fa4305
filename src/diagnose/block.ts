import type { Forecast } from '../history/forecast.ts'
import type { Series } from '../history/history.ts'
import type { PlanBlock } from './planBlock.ts'

/** How a cell is written for people: as words, as what a role may do, as SQL that is folded, or as a figure. */
export type CellKind = 'text' | 'access' | 'expression' | 'count' | 'bytes' | 'ms' | 'seconds' | 'percent'

/** Whether cells of that kind are numbers. */
export function isFigure(kind: CellKind): boolean {
  return kind !== 'text' && kind !== 'access' && kind !== 'expression'
}

export type Cell = string | number | boolean | null

/** How figures were obtained. */
export type Certainty = 'measured' | 'estimated' | 'measured and estimated'

/** Figures in rows, the worst first. */
export interface TableBlock {
  kind: 'table'
  id: string
  title: string
  figures: Certainty
  columns: { title: string; kind: CellKind }[]
  rows: Cell[][]
  /** How many rows are not shown. */
  more: number
  note?: string
  /** Which column names a bar, and which ones its length is made of. */
  chart?: { label: number; values: number[] }
}

/** A figure over time. */
export interface ChartBlock {
  kind: 'chart'
  series: Series
  /** Seconds since 1970, the mean around that time, and the greatest value; the oldest first. */
  points: [at: number, mean: number, max: number][]
  /** The newest value, which the points of whole days do not have. */
  now: number
  /** Where something runs out. */
  end?: number
}

/** When something runs out. */
export interface ForecastsBlock {
  kind: 'forecasts'
  forecasts: Forecast[]
}

/** Sentences. */
export interface TextBlock {
  kind: 'text'
  lines: string[]
}

export type Block = TableBlock | ChartBlock | ForecastsBlock | TextBlock | PlanBlock

/** What a column is called, how its figures are written, and which one an item has. */
export type Column<Item> = [title: string, kind: CellKind, of: (item: Item) => Cell]

/** Makes a table with a row for each of the first items, 30 by default, and counts the rest. */
export function tableBlock<Item>(
  table: Omit<TableBlock, 'kind' | 'columns' | 'rows' | 'more'> & {
    columns: Column<Item>[]
    items: Item[]
    limit?: number
  },
): TableBlock {
  const { columns, items, limit = 30, ...rest } = table
  return {
    kind: 'table',
    ...rest,
    columns: columns.map(([title, kind]) => ({ title, kind })),
    rows: items.slice(0, limit).map((item) => columns.map(([, , of]) => of(item))),
    more: Math.max(0, items.length - limit),
  }
}

export function textBlock(...lines: string[]): TextBlock {
  return { kind: 'text', lines }
}
