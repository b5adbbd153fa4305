import { parseExpression, printExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as } from '../../syntax/nodes.ts'
import { fieldsOf, nameParts, walk } from '../../syntax/walk.ts'
import { relationsByAlias } from './comparisons.ts'
import type { Identity, Look } from './actingAs.ts'
import { askPatiently } from './actingAs.ts'
import type { Subject } from './subject.ts'

/** A value that a part of a predicate gives an identity whatever the row is. */
export interface SteadyValue {
  /** The part, as the printer writes it. */
  text: string
  type: string
  value: unknown
}

/** Parts asked, and values taken of each. */
const mostParts = 8
const mostValues = 4

/**
 * What the parts of the predicates that read nothing of the row give each identity: calls, the sub-selects of
 * `IN (SELECT ...)` and `ARRAY(SELECT ...)`, and the arrays of `= ANY ((SELECT ids())::uuid[])`. Rows that hold such a value are the ones that a predicate lets
 * pass: `org_id IN (SELECT ids())` needs a row of one of these organisations, in an empty table too.
 */
export async function steadyValues(
  look: Look,
  subject: Subject,
  identities: Identity[],
  trees: Node[],
): Promise<SteadyValue[]> {
  const parts = steadyParts(subject, trees)
    .slice(0, mostParts)
    .map(({ text, select }) => ({ text, query: valuesOf(select) }))
  const asked = identities.flatMap((identity) => parts.map((part) => ({ ...part, identity })))
  const replies = await askPatiently(look, asked, () => Math.max(20, look.clock.remainingMs() / 8))
  return asked.flatMap(({ text }, at) => {
    const reply = replies[at]
    // A part that the identity may not ask, or that is no query by itself, offers nothing.
    const found = reply && 'text' in reply ? reply.text : null
    const values = found === null ? [] : (JSON.parse(found) as { type: string; value: unknown }[])
    return values.map((each) => ({ text, ...each }))
  })
}

function valuesOf(select: string): string {
  return `
    SELECT pg_catalog.json_agg(found)::pg_catalog.text FROM (
      SELECT pg_typeof(v)::text AS type, to_jsonb(v) AS value
      FROM (${select}) AS s(v) WHERE v IS NOT NULL LIMIT ${mostValues}) AS found`
}

/** The parts of the trees that read no column of the subject and none from around them. */
function steadyParts(subject: Subject, trees: Node[]): { text: string; select: string }[] {
  const parts = new Map<string, string>()
  const add = (node: Node, select: (text: string) => string) => {
    try {
      const text = printExpression(node)
      if (!parts.has(text)) parts.set(text, select(text))
    } catch {
      // What cannot be printed cannot be asked.
    }
  }
  for (const { kind, node, fields } of trees.flatMap((tree) => [...walk(tree)])) {
    if (kind === 'FuncCall' && isIndependent(node)) add(node, (text) => `SELECT ${text}`)
    const array = fields['kind'] === 'AEXPR_OP_ANY' ? as(fields['rexpr'] as Node, 'TypeCast') : undefined
    if (array && !readsAround(subject, array)) add({ TypeCast: array }, (text) => `SELECT unnest(${text})`)
    if (kind !== 'SubLink' || readsAround(subject, fields['subselect'])) continue
    const type = fields['subLinkType']
    if (type === 'ANY_SUBLINK') {
      const array = { SubLink: { subLinkType: 'ARRAY_SUBLINK', subselect: fields['subselect'] } }
      add(array, (text) => `SELECT unnest(${text})`)
    }
    if (type === 'ARRAY_SUBLINK') add(node, (text) => `SELECT unnest(${text})`)
  }
  return Array.from(parts, ([text, select]) => ({ text, select }))
}

function isIndependent(node: Node): boolean {
  return fieldsOf(node, 'ColumnRef').next().done === true && fieldsOf(node, 'ParamRef').next().done === true
}

/** Whether the sub-select reads a column of the subject: such a column is always written with the table's name there. */
function readsAround({ table }: Subject, select: unknown): boolean {
  const own = relationsByAlias(select)
  return Array.from(fieldsOf(select, 'ColumnRef')).some(({ fields }) => {
    const names = nameParts(fields)
    return names.length > 1 && names.at(-2) === table.name && !own.has(table.name)
  })
}

/** Parts that give one value each, as constants that stand for them: a mistake that shows everybody one user's rows. */
export async function asConstants(values: SteadyValue[]): Promise<Map<string, Node>> {
  const constants = new Map<string, Node>()
  for (const { text, type, value } of values) {
    if (constants.has(text) || typeof value === 'object') continue
    const written = `'${String(value).replaceAll("'", "''")}'::${type}`
    const constant = await parseExpression(written).catch(() => undefined)
    if (constant && !as(constant, 'SubLink')) constants.set(text, constant)
  }
  return constants
}
