import { differences } from '../fingerprint/differences.ts'
import type { Fingerprint } from '../fingerprint/fingerprint.ts'
import { nameOf } from '../fingerprint/modelled.ts'
import type { StableId } from '../fingerprint/pgDelta.ts'
import { keyOf } from '../fingerprint/schemaObject.ts'
import type { Source } from './copy.ts'

/** An object that the shadow lacks, or has in another form than the source. */
export interface NotCopied {
  /** As the fingerprint names it: `index public.places_location_idx`. */
  object: string
  reason: string
}

/**
 * Compares the copy with its source. An object that is missing with its table or schema is not listed again. Objects
 * that depend on an extension that the shadow lacks are listed one by one.
 */
export function findNotCopied(
  source: Source,
  copy: Fingerprint,
  reasons: ReadonlyMap<string, string>,
  { sameVersion }: { sameVersion: boolean },
): NotCopied[] {
  const found = new Map<string, string[]>()
  const name = (object: string, reason: string): void => {
    const known = found.get(object) ?? []
    if (!known.includes(reason)) found.set(object, [...known, reason])
  }
  for (const { object, property, after, sentence } of differences(source.fingerprint, copy)) {
    if (property === undefined && after === null) {
      name(object, reasons.get(object) ?? 'hundredfold does not copy this kind of object')
    }
    // Other major versions print some properties otherwise, and bring other versions of extensions.
    const isNoise =
      (object.startsWith('extension ') && property === 'version') || (!sameVersion && after !== null)
    if (property !== undefined && !isNoise) {
      name(object, reasons.get(object) ?? `not as in the source: ${sentence.slice(object.length + 2)}`)
    }
  }
  for (const extension of source.missingExtensions) {
    const id: StableId = { kind: 'extension', name: extension }
    const itself = keyOf(nameOf(source.facts, id))
    found.set(itself, ['not available here; types and functions of the same names stand in for its own'])
    for (const object of dependentsOf(source, id)) {
      if (object !== itself) name(object, `depends on ${itself}, for which the shadow has only stand-ins`)
    }
  }
  return [...found].map(([object, why]) => ({ object, reason: why.join('; ') })).sort(byObject)
}

/** Everything that needs an object, directly or through others. */
function dependentsOf({ facts, fingerprint }: Source, id: StableId): Set<string> {
  const found = new Set<string>()
  const follow = (needed: StableId): void => {
    for (const { from, kind } of facts.incomingEdges(needed)) {
      const key = keyOf(nameOf(facts, from))
      if (kind !== 'depends' || found.has(key) || !fingerprint.objects.has(key)) continue
      found.add(key)
      follow(from)
    }
  }
  follow(id)
  return found
}

function byObject(a: NotCopied, b: NotCopied): number {
  return a.object < b.object ? -1 : 1
}
