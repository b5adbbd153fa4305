import type { ClientBase } from 'pg'
import { UsageError } from '../../errors.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display } from '../../postgres/identifiers.ts'
import type { ColumnState, PlannerState } from './state.ts'

/** How a table's rows are spread over its key, as numbers: seconds for dates and times. */
export interface KeyDistribution {
  /** As SQL writes it. */
  type: string
  first: string
  last: string
  common: { text: string; at: number; frequency: number }[]
  /** Bounds of the histogram; between two of them there are equally many rows. */
  bounds: number[]
  /** Share of the rows that the histogram stands for. */
  spread: number
  statistics: ColumnState
}

/** A range of keys, as numbers. */
export interface NumberRange {
  from: number
  to: number
}

type Kind = 'date' | 'time' | 'whole number' | 'number'

const kinds: Record<string, Kind> = {
  date: 'date',
  'timestamp without time zone': 'time',
  'timestamp with time zone': 'time',
  smallint: 'whole number',
  integer: 'whole number',
  bigint: 'whole number',
  numeric: 'number',
  'double precision': 'number',
  real: 'number',
}

const day = 86_400

/**
 * Reads from the statistics how the rows are spread over the key.
 *
 * @throws UsageError where nobody has analyzed the table, or the key's type has no distances
 */
export async function readKeyDistribution(
  client: ClientBase,
  { columns }: PlannerState,
  table: RelationName,
  key: { name: string; type: string },
): Promise<KeyDistribution> {
  const statistics = columns.find(
    ({ schema, relation, column, inherited }) =>
      schema === table.schema && relation === table.name && column === key.name && !inherited,
  )
  if (!statistics || (statistics.histogram === null && statistics.commonValues === null)) {
    throw new UsageError(
      `Nobody knows how the rows of ${display(table)} are spread over ${key.name}: it was never analyzed, or its statistics are hidden from this role.`,
      `Run ANALYZE ${display(table)}, or connect as its owner.`,
    )
  }
  if (!kinds[baseOf(key.type)]) {
    throw new UsageError(
      `${display(table)} cannot be judged by ${key.name}: its type is ${key.type}.`,
      'Choose a key that is a date, a time or a number.',
    )
  }
  const common = await numbersOf(client, key.type, statistics.commonValues)
  const bounds = await numbersOf(client, key.type, statistics.histogram)
  const frequencies = statistics.commonFrequencies ?? []
  const all = [...common, ...bounds].sort((one, other) => one.at - other.at)
  return {
    type: key.type,
    first: all[0]?.text ?? '',
    last: all.at(-1)?.text ?? '',
    common: common.map((value, at) => ({ ...value, frequency: frequencies[at] ?? 0 })),
    bounds: bounds.map(({ at }) => at),
    spread:
      bounds.length > 0
        ? Math.max(0, 1 - statistics.nullFraction - frequencies.reduce((sum, each) => sum + each, 0))
        : 0,
    statistics,
  }
}

/** Values of the key as numbers, in their order. */
async function numbersOf(
  client: ClientBase,
  type: string,
  values: string | null,
): Promise<{ text: string; at: number }[]> {
  if (values === null) return []
  const { rows } = await client.query<{ text: string; at: number }>(
    `SELECT value::text AS text, ${numberOf(type, 'value')} AS at
     FROM pg_catalog.unnest($1::text::${type}[]) WITH ORDINALITY AS v (value, place) ORDER BY place`,
    [values],
  )
  return rows
}

/** Bounds of partitions as numbers. */
export async function numberRanges(
  client: ClientBase,
  type: string,
  ranges: readonly { from: string | null; to: string | null }[],
): Promise<NumberRange[]> {
  const { rows } = await client.query<{ from: number | null; to: number | null }>(
    `SELECT ${numberOf(type, `(r ->> 'from')::${type}`)} AS "from", ${numberOf(type, `(r ->> 'to')::${type}`)} AS "to"
     FROM pg_catalog.jsonb_array_elements($1::jsonb) WITH ORDINALITY AS e (r, place) ORDER BY place`,
    [JSON.stringify(ranges)],
  )
  return rows.map(({ from, to }) => ({ from: from ?? -Infinity, to: to ?? Infinity }))
}

function numberOf(type: string, value: string): string {
  return isTime(type) ? `pg_catalog.date_part('epoch', (${value})::timestamp)::float8` : `(${value})::float8`
}

const isTime = (type: string): boolean => ['date', 'time'].includes(kinds[baseOf(type)] ?? '')

/** `timestamp(3) with time zone` -> `timestamp with time zone`. */
const baseOf = (type: string): string => type.replace(/\([\d,]*\)/, '')

/** Of the table's rows, the share with keys in the range. */
export function shareOf(distribution: KeyDistribution, range: NumberRange): number {
  const { common, spread } = distribution
  const ofCommon = common
    .filter(({ at }) => isWithin(at, range))
    .reduce((sum, { frequency }) => sum + frequency, 0)
  return ofCommon + spread * histogramShare(distribution, range)
}

const isWithin = (at: number, { from, to }: NumberRange): boolean => at >= from && at < to

function histogramShare({ bounds }: KeyDistribution, { from, to }: NumberRange): number {
  const steps = bounds.length - 1
  return steps < 1 ? 0 : Math.max(0, placeOf(bounds, to) - placeOf(bounds, from)) / steps
}

/** How many steps of the histogram lie below a number; within a step the rows are even. */
function placeOf(bounds: readonly number[], number: number): number {
  const above = bounds.findIndex((bound) => bound >= number)
  if (above < 0) return bounds.length - 1
  if (above === 0) return 0
  const [low = 0, high = 0] = [bounds[above - 1], bounds[above]]
  return high > low ? above - 1 + (number - low) / (high - low) : above
}

/** The number at a place of the histogram: the other way round. */
function numberAt(bounds: readonly number[], place: number): number {
  const step = Math.min(bounds.length - 2, Math.floor(place))
  const [low = 0, high = 0] = [bounds[step], bounds[step + 1]]
  return low + (high - low) * (place - step)
}

const mostBounds = 100

/** The statistics that ANALYZE would find for the key in the rows of the range. */
export async function clipToRange(
  client: ClientBase,
  distribution: KeyDistribution,
  range: NumberRange,
): Promise<ColumnState> {
  const { statistics, common, bounds, spread, type } = distribution
  const share = shareOf(distribution, range)
  const within = common.filter(({ at }) => isWithin(at, range))
  const histogram = histogramShare(distribution, range)
  const distinct = distinctWithin(distribution, within.length, histogram)
  const places =
    histogram * spread > 0 && distinct - within.length >= 2
      ? Math.min(mostBounds, Math.ceil(distinct - within.length - 1))
      : 0
  const [low, high] = [placeOf(bounds, range.from), placeOf(bounds, range.to)]
  const numbers = Array.from({ length: places === 0 ? 0 : places + 1 }, (_, at) =>
    numberAt(bounds, low + ((high - low) * at) / places),
  )
  const texts = await textsOf(client, type, numbers, range)
  return {
    ...statistics,
    nullFraction: 0,
    distinct: statistics.distinct < 0 ? statistics.distinct : distinct,
    commonValues: within.length > 0 ? arrayOf(within.map(({ text }) => text)) : null,
    commonFrequencies: within.length > 0 ? within.map(({ frequency }) => frequency / share) : null,
    histogram: texts.length > 1 ? arrayOf(texts) : null,
  }
}

/** How many different keys; of those that are not common ones as many as their part of the histogram. */
function distinctWithin({ statistics, common }: KeyDistribution, within: number, histogram: number): number {
  if (statistics.distinct < 0) return Infinity
  return Math.max(1, within + Math.max(0, statistics.distinct - common.length) * histogram)
}

/** Numbers as values of the key, within the range and without repetition. */
async function textsOf(
  client: ClientBase,
  type: string,
  numbers: readonly number[],
  { to }: NumberRange,
): Promise<string[]> {
  if (numbers.length === 0) return []
  const kind = kinds[baseOf(type)]
  const unit = kind === 'date' ? day : kind === 'whole number' ? 1 : 0
  const rounded = numbers.map((number) => {
    const whole = unit === 0 ? number : Math.floor(number / unit) * unit
    return whole >= to ? to - Math.max(unit, kind === 'time' ? 1e-6 : 0) : whole
  })
  const value = isTime(type)
    ? `(timestamp 'epoch' + n * interval '1 second')::${type}`
    : `n::numeric::${type}`
  const { rows } = await client.query<{ text: string }>(
    `SELECT (${value})::text AS text FROM pg_catalog.unnest($1::float8[]) WITH ORDINALITY AS v (n, place) ORDER BY place`,
    [[...new Set(rounded)]],
  )
  return rows.map(({ text }) => text)
}

/** `{"a","b"}` */
function arrayOf(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text}"`).join(',')}}`
}

/**
 * The statistics of another column in a share of the rows: as if it had nothing to do with the key. Of D different values
 * in N rows, `D * (1 - (1 - share)^(N / D))` are left.
 */
export function ofShare(statistics: ColumnState, rows: number, share: number): ColumnState {
  const { distinct: stored } = statistics
  if (stored === 0 || stored === -1) return statistics
  const before = stored < 0 ? -stored * rows : stored
  const after = Math.max(1, before * (1 - (1 - share) ** (rows / Math.max(1, before))))
  // As ANALYZE: what is more than a tenth of the rows grows with them.
  const ofRows = after / Math.max(1, rows * share)
  return { ...statistics, distinct: ofRows > 0.1 ? -Math.min(1, ofRows) : after }
}
