import { deserialize, serialize } from 'node:v8'

/** What is stored of an entry: what Next gave, and the moment in the order of changes at which its computation began. */
export interface Packed<Value> {
  value: Value
  start: unknown
}

/** As text. Next's values hold buffers and maps, which JSON would lose. */
export function pack<Value>(packed: Packed<Value>): string {
  return serialize(packed).toString('base64')
}

/** Undefined where another version wrote it in a form that this one cannot read. */
export function unpack<Value>(text: string): Packed<Value> | undefined {
  try {
    return deserialize(Buffer.from(text, 'base64')) as Packed<Value>
  } catch {
    return undefined
  }
}
