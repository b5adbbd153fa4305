import type { Random } from './seededRandom.ts'
import type { SpokenValues } from './spokenValues.ts'
import type { ColumnToFill, TableToFill, ValueShape } from './tablesToFill.ts'

/** What the values of all tables are taken from. */
export interface ValueSource {
  random: Random
  /** Ids of the people who ask; the same in every table, so that rows belong to somebody. */
  people: string[]
  spoken: SpokenValues
  /** Names of the columns that point to a column: what those are compared with, this one has to hold. */
  namesOfReferences(table: TableToFill, column: ColumnToFill): string[]
}

/** Where in its table a value will stand. */
export interface Place {
  table: TableToFill
  column: ColumnToFill
  /** Counts the rows of the table from 0. */
  row: number
  /** Counts the tries for that row from 0; keys differ from try to try. */
  attempt: number
}

/** A value in PostgreSQL's text form, `null` for NULL, `undefined` for the column's default. */
export type MadeUp = string | null | undefined

/**
 * A value for a column that no foreign key says anything about: an id of one of the people where it may be
 * somebody's, one of the literals that it is compared with, or anything of its type.
 */
export function makeUpValue(place: Place, source: ValueSource): MadeUp {
  const { column, attempt } = place
  // Where a CHECK refuses the rest, fewer values are easier to get right.
  if (!column.isRequired && source.random.chance(attempt > 2 ? 0.5 : 0.12)) return null
  return valueOf(column.shape, place, source)
}

function valueOf(shape: ValueShape, place: Place, source: ValueSource): MadeUp {
  const { random } = source
  if (shape.kind === 'enum') return random.pick(shape.labels)
  if (shape.kind === 'array') {
    const several = Array.from({ length: Math.floor(random.next() * 3) }, () =>
      valueOf(shape.of, place, source),
    )
    return `{${several.map((each) => JSON.stringify(each ?? '')).join(',')}}`
  }
  const make = makers[shape.name]
  if (make) return make(place, source)
  return place.column.hasDefault ? undefined : (random.pick(candidatesFor(place, source)) ?? '')
}

type Maker = (place: Place, source: ValueSource) => MadeUp

const makers: Record<string, Maker> = {
  uuid: uuidFor,
  bool: (_, { random }) => String(random.chance(0.5)),
  int2: numberFor,
  int4: numberFor,
  int8: numberFor,
  numeric: numberFor,
  float4: numberFor,
  float8: numberFor,
  money: numberFor,
  text: textFor,
  varchar: textFor,
  bpchar: textFor,
  citext: textFor,
  name: textFor,
  json: jsonFor,
  jsonb: jsonFor,
  date: momentFor,
  timestamp: momentFor,
  timestamptz: momentFor,
  time: (_, { random }) => random.pick(['08:00', '12:30', '23:59']),
  timetz: (_, { random }) => random.pick(['08:00+00', '12:30+00']),
  interval: (_, { random }) => random.pick(['1 day', '90 minutes']),
  bytea: () => '\\x00ff',
  inet: () => '192.0.2.1',
  cidr: () => '192.0.2.0/24',
  macaddr: () => '08:00:2b:01:02:03',
  tsvector: () => '',
  ltree: (_, { random }) => random.pick(['top', 'top.left', 'top.right']),
  hstore: () => '',
  point: () => '(1,2)',
  xml: () => '<a/>',
  bit: () => '1',
  int4range: () => '[1,100)',
  int8range: () => '[1,100)',
  numrange: () => '[1,100)',
  daterange: () => '[2020-01-01,2099-01-01)',
  tsrange: () => '[2020-01-01,2099-01-01)',
  tstzrange: () => '[2020-01-01,2099-01-01)',
  oid: () => '1',
}

const peoplesTables =
  /(^|_)(users?|profiles?|people|persons?|members?|accounts?|customers?|employees?|clients?|sessions?)$/i
const somebody =
  /(^|_)(user|owner|profile|author|creator|by|sender|recipient|receiver|member|assignee|uid|sub|person|account|customer|client|employee|follower|following|admin|student|teacher|driver|auth|clerk)(s?_?ids?)?$/i

/** The nth of the ids that all tables share beside those of the people. */
export function keyId(number: number): string {
  return `${String(number).padStart(8, '0')}-5eed-4000-8000-000000000000`
}

function uuidFor({ table, column, row, attempt }: Place, { random, people }: ValueSource): string {
  if (!column.isKey)
    return random.chance(0.85) ? (random.pick(people) ?? '') : keyId(Math.floor(random.next() * 4))
  const number = row + attempt * 100
  return (peoplesTables.test(table.name) ? people[number] : undefined) ?? keyId(number)
}

function numberFor(place: Place, source: ValueSource): string {
  const { column, row, attempt } = place
  if (column.isKey) return String(row + 1 + attempt * 100)
  const literals = candidatesFor(place, source).filter((each) => /^-?\d+(\.\d+)?$/.test(each))
  if (literals.length > 0 && source.random.chance(0.7)) return source.random.pick(literals) ?? '0'
  if (/(^|_)id$/i.test(column.name) || somebody.test(column.name))
    return source.random.pick(['1', '2', '3', '4'])
  return source.random.pick(['0', '1', '2', '3', '5', '10', '100'])
}

function momentFor(_: Place, { random }: ValueSource): string {
  return random.pick(['2020-01-01', '2023-06-15', '2098-07-01', '2099-12-31'])
}

const plainWords = [
  'meadow',
  'harbour',
  'lantern',
  'orchard',
  'granite',
  'willow',
  'copper',
  'saffron',
] as const
const likeARole =
  /(role|status|state|type|kind|level|tier|plan|visibility|permission|action|category|scope|access)/i

function textFor(place: Place, source: ValueSource): string {
  return fit(freeText(place, source), place.column.type)
}

function freeText(place: Place, source: ValueSource): string {
  const { table, column, row, attempt } = place
  const { random, people, spoken } = source
  const literals = candidatesFor(place, source)
  if (column.isKey) {
    const number = row + attempt * 100
    if (literals.length > number) return literals[number] ?? ''
    if (peoplesTables.test(table.name)) return people[number] ?? `${plainWords[0]}${number}`
    return `${random.pick(plainWords)}${number}`
  }
  if (literals.length > 0 && random.chance(attempt > 1 ? 1 : 0.85)) return random.pick(literals) ?? ''
  if (/email/i.test(column.name))
    return emailOf((column.isUnique ? people[row] : random.pick(people)) ?? keyId(row))
  if (table.schema === 'storage' || /(^|_)(path|file|key|url|object)/i.test(column.name)) {
    return `${random.pick(people)}/${random.pick(plainWords)}.png`
  }
  if (somebody.test(column.name) || /_id$/i.test(column.name)) return random.pick(people) ?? ''
  if (likeARole.test(column.name)) return random.pick(spoken.words) ?? 'member'
  return `${random.pick(plainWords)}${row + attempt * 100}`
}

/** The address of one of the people, which is in their claims too. */
export function emailOf(person: string): string {
  return `${person.slice(0, 8)}@example.com`
}

function jsonFor({ column }: Place, { random, people, spoken }: ValueSource): string {
  if (/s$/i.test(column.name) && random.chance(0.3)) {
    return JSON.stringify([random.pick(spoken.words) ?? 'member', random.pick(people)])
  }
  const keys = spoken.jsonKeys.filter(() => random.chance(0.6))
  const entries = keys.map((key): [string, unknown] => [
    key,
    random.pick([random.pick(spoken.byName.get(key) ?? []), random.pick(people), true]) ?? false,
  ])
  return JSON.stringify(Object.fromEntries(entries))
}

/** The literals that the column is checked against by itself; else those that it is compared with anywhere. */
function candidatesFor({ table, column }: Place, source: ValueSource): string[] {
  const { byName } = source.spoken
  const checked = column.checkedAgainst.filter((each) => /^[\w .:@/-]*$/.test(each))
  const spoken = [column.name, ...source.namesOfReferences(table, column)].flatMap((name) =>
    name === 'id' || name === 'name' ? [] : (byName.get(name) ?? []),
  )
  if (checked.length > 0) return checked
  return [...new Set([...spoken, ...table.bounds])]
}

/** `character varying(20)` holds twenty characters: the last ones, which tell rows apart. */
function fit(text: string, type: string): string {
  const length = /\((\d+)\)$/.exec(type)?.[1]
  return length === undefined ? text : text.slice(-Number(length))
}
