import type { Fingerprint } from './fingerprint.ts'
import type { SchemaObject } from './schemaObject.ts'

/** One difference between two fingerprints. */
export interface Difference {
  /** `table public.bookings`. */
  object: string
  /** `storage parameter fillfactor`; absent where the whole object is missing or new. */
  property?: string
  /** The value as the fingerprint shows it; null if it is not set or the object does not exist. */
  before: string | null
  after: string | null
  /** For people: `policy "x" on public.t: roles were {public}, are {postgres}`. */
  sentence: string
}

/** How much of a value a sentence shows, in characters. */
const longestShown = 300

/**
 * What changed from `before` to `after`, sorted by object. An object that disappears or appears together with its table
 * or schema is not listed.
 *
 * ```
 * policy "x" on public.t: roles were {public}, are {postgres}
 * index public.t_a_idx: is missing
 * table public.t: storage parameter fillfactor was 90, is unset
 * ```
 */
export function differences(
  before: Pick<Fingerprint, 'objects'>,
  after: Pick<Fingerprint, 'objects'>,
): Difference[] {
  const keys = [...new Set([...before.objects.keys(), ...after.objects.keys()])].sort()
  const isComparable = ordersToCompare(before, after)
  return keys.flatMap((key): Difference[] => {
    const was = before.objects.get(key)
    const is = after.objects.get(key)
    const there = was ?? is
    if (!there) return []
    if (was && is) return propertyDifferences(key, was.properties, is.properties, isComparable(there.parent))
    if (sharesParentsFate(there, was ? before : after, was ? after : before)) return []
    if (!there.isListed) {
      return propertyDifferences(key, was?.properties ?? nothing, is?.properties ?? nothing, true)
    }
    const sentence = `${key}: ${was ? 'is missing' : 'is new'}`
    return [{ object: key, before: was ? 'there' : null, after: is ? 'there' : null, sentence }]
  })
}

const nothing: ReadonlyMap<string, string> = new Map()

/** Whether the object's table or schema exists on one side only: that one difference is enough. */
function sharesParentsFate(
  { parent }: SchemaObject,
  where: Pick<Fingerprint, 'objects'>,
  elsewhere: Pick<Fingerprint, 'objects'>,
): boolean {
  return parent !== null && where.objects.has(parent) && !elsewhere.objects.has(parent)
}

/**
 * The relations that have the same columns on both sides. Only these report a column's position: elsewhere a missing or
 * new column moves all that follow it.
 */
function ordersToCompare(
  before: Pick<Fingerprint, 'objects'>,
  after: Pick<Fingerprint, 'objects'>,
): (parent: string | null) => boolean {
  const changed = new Set<string | null>()
  const collect = (from: Pick<Fingerprint, 'objects'>, other: Pick<Fingerprint, 'objects'>): void => {
    for (const [key, { kind, parent }] of from.objects) {
      if ((kind === 'column' || kind === 'attribute') && !other.objects.has(key)) changed.add(parent)
    }
  }
  collect(before, after)
  collect(after, before)
  return (parent) => !changed.has(parent)
}

function propertyDifferences(
  key: string,
  was: ReadonlyMap<string, string>,
  is: ReadonlyMap<string, string>,
  isOrderComparable: boolean,
): Difference[] {
  const properties = [...new Set([...was.keys(), ...is.keys()])].sort()
  return properties.flatMap((property): Difference[] => {
    const before = was.get(property) ?? null
    const after = is.get(property) ?? null
    if (before === after || (property === 'place' && !isOrderComparable)) return []
    return [{ object: key, property, before, after, sentence: `${key}: ${change(property, before, after)}` }]
  })
}

function change(property: string, before: string | null, after: string | null): string {
  if (before !== null && after !== null && (before + after).includes('\n')) {
    return changedLine(property, before.split('\n'), after.split('\n'))
  }
  const [was, is] = isPlural(property) ? ['were', 'are'] : ['was', 'is']
  return `${property} ${was} ${shown(before)}, ${is} ${shown(after)}`
}

/** The first line that differs between two texts of several lines. */
function changedLine(property: string, before: string[], after: string[]): string {
  const at = before.findIndex((line, index) => line !== after[index])
  const line = at === -1 ? before.length : at
  return `${property} differs in line ${line + 1}: was ${quoted(before[line])}, is ${quoted(after[line])}`
}

function quoted(line: string | undefined): string {
  return line === undefined ? 'no such line' : JSON.stringify(shorten(line.trim()))
}

function shown(value: string | null): string {
  return value === null ? 'unset' : shorten(value.replaceAll('\n', ' '))
}

/** Shortens on a character boundary; JSON and the fingerprint have the whole value. */
function shorten(value: string): string {
  const characters = Array.from(value)
  return characters.length <= longestShown ? value : `${characters.slice(0, longestShown).join('')} ...`
}

function isPlural(property: string): boolean {
  return /^(roles|values|columns|options|tags|publications|privileges of .*|operators|functions|dictionaries|generated columns|enforcing triggers)$/.test(
    property,
  )
}
