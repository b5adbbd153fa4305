import { parseTypeName, printExpression } from '../../syntax/expression.ts'
import type { TypeName } from '../../syntax/nodes.ts'

const known = new Map<string, TypeName>()

/** Parses names of types, as `format_type` prints them, once and in advance, since the rewrites are synchronous. */
export async function prepareTypes(types: Iterable<string>): Promise<void> {
  for (const type of new Set(types)) {
    // A type that no cast can name, or whose cast cannot be printed (`"char"`), stays unknown.
    const parsed = known.has(type) ? undefined : await parseCast(type).catch(() => undefined)
    if (parsed) known.set(type, parsed)
  }
}

async function parseCast(type: string): Promise<TypeName> {
  const typeName = await parseTypeName(type)
  printExpression({ TypeCast: { arg: { A_Const: { isnull: true } }, typeName } })
  return typeName
}

/** The type of that name, as the tree of a cast holds it; undefined if it was not prepared. */
export function typeNamed(type: string | undefined): TypeName | undefined {
  return type === undefined ? undefined : known.get(type)
}

/** Groups of types whose values = compares by the same rule, on either side. */
const alike = [
  ['smallint', 'integer', 'bigint'],
  ['text', 'character varying'],
]

/** Whether = means the same for values of both types, as `format_type` prints them. */
export function isComparedAlike(one: string, other: string): boolean {
  const [first, second] = [one, other].map((type) => type.replace(/\s*\(.*\)$/, ''))
  return (
    first === second || alike.some((group) => [first, second].every((type) => group.includes(type ?? '')))
  )
}
