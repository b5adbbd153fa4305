import { parseTypeName, printExpression } from '../../syntax/expression.ts'
import type { TypeName } from '../../syntax/nodes.ts'

const known = new Map<string, TypeName>()

/** Parses names of types, as `format_type` prints them, once; the rewrites themselves never wait. */
export async function prepareTypes(types: Iterable<string>): Promise<void> {
  for (const type of new Set(types)) {
    // A type that no cast can name, or none that can be printed (`"char"`), is as good as unknown.
    const parsed = known.has(type) ? undefined : await parseCast(type).catch(() => undefined)
    if (parsed) known.set(type, parsed)
  }
}

async function parseCast(type: string): Promise<TypeName> {
  const typeName = await parseTypeName(type)
  printExpression({ TypeCast: { arg: { A_Const: { isnull: true } }, typeName } })
  return typeName
}

/** The type of that name as a cast writes it, where it was prepared. */
export function typeNamed(type: string | undefined): TypeName | undefined {
  return type === undefined ? undefined : known.get(type)
}

/** Types whose values are compared by the same rule, whichever of them stands on which side of =. */
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
