import { wantedSchemas } from '../../catalog/scope.ts'
import { nameOfCall } from '../../policies/read/calls.ts'
import { normalType, texts } from '../../policies/read/neverFails.ts'
import type { Hazards } from '../../policies/read/hazards.ts'
import type { ParsedPolicy } from '../../policies/rewrite/parsedPolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { printExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'
import { childNodes } from '../../syntax/replaceNodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { measured, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Policies that cast a text of the row to a type that not every text has. One row with another text ends every query that
 * reaches it. A condition beside the cast is no guard: PostgreSQL chooses the order of conditions anew with each plan.
 *
 * ```sql
 * USING (bucket_id = 'invoices' AND (string_to_array(name, '/'))[1]::uuid = (SELECT auth.uid()))  -- fails for other buckets' names
 * USING (bucket_id = 'invoices' AND (string_to_array(name, '/'))[1] = (SELECT auth.uid())::text)  -- compares as text
 * ```
 *
 * A cast within CASE is guarded by its WHEN, and not found.
 */
export const policyPredicateMayRaise: Rule = {
  name: 'policy_predicate_may_raise',
  finds: 'policies that fail for rows whose text is no uuid, number or date',
  cure: 'steps: compare as text, or guard the cast by CASE',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { parsed, hazards } = await context.read(readParsedPolicies)
    const findings = parsed.flatMap((each) => {
      const { policy } = each
      // The platform's schema, but the team's policies.
      const isStorage = policy.table.schema === 'storage' && policy.table.name === 'objects'
      const [first] = wanted(policy.table.schema) || isStorage ? castsOfRow(each, hazards) : []
      if (!first) return []
      const { text, type } = first
      return [
        {
          level: 'warn' as const,
          subject: [policy.table.schema, policy.table.name, policy.name],
          detail: `Policy ${displayIdentifier(policy.name)} on ${display(policy.table)} ends queries with an error if they reach a row where ${text} is no ${type}.`,
          evidence: [measured('using', policy.using), measured('check', policy.check)],
          remedy: runbook(
            'Let rows with another text not pass, instead of failing',
            `Compare as text, where one text stands for one value: ${text} = (...)::text.`,
            `Or guard it: CASE WHEN ${text} ${patternOf(type)} THEN (${text})::${type} = ... ELSE false END. A condition beside it with AND is no guard.`,
          ),
        },
      ]
    })
    return unlessPoliciesLocked(context, findings)
  },
}

/** What a text looks like that has a value of the type; a CASE may ask it. */
function patternOf(type: string): string {
  if (type === 'uuid') return `~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'`
  if (['int2', 'int4', 'int8'].includes(type)) return `~ '^[0-9]{1,4}$'`
  return '~ ...'
}

/** Types of which not every text is a value. */
const narrowTypes = new Set([
  ...['uuid', 'int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'date', 'time', 'timetz'],
  ...['timestamp', 'timestamptz', 'interval', 'json', 'jsonb', 'inet', 'cidr'],
])

/** Casts of a text of the row to a narrower type that are evaluated for each row, outside of CASE. */
function castsOfRow(
  { policy, using, check }: ParsedPolicy,
  hazards: Hazards,
): { text: string; type: string }[] {
  const found: { text: string; type: string }[] = []
  const visit = (node: Node, tree: Node): void => {
    if ('CaseExpr' in node) return
    const cast = as(node, 'TypeCast')
    const type = words(cast?.typeName.names ?? []).at(-1) ?? ''
    const isArray = (cast?.typeName.arrayBounds ?? []).length > 0
    if (cast && !isArray && narrowTypes.has(type) && rowReferences(cast.arg).length > 0) {
      if (isText(cast.arg, (part) => hazards.typeOf(part, policy.table, tree))) {
        found.push({ text: printExpression(cast.arg), type })
      }
    }
    for (const child of childNodes(node)) visit(child, tree)
  }
  for (const tree of [using, check]) if (tree) visit(tree, tree)
  return found
}

const textFunctions = new Set([
  ...['split_part', 'substring', 'substr', 'left', 'right', 'lower', 'upper', 'btrim', 'ltrim', 'rtrim'],
  ...['replace', 'translate', 'regexp_replace', 'reverse', 'concat', 'concat_ws'],
])
const textArrayFunctions = new Set([
  ...['string_to_array', 'regexp_split_to_array', 'regexp_match', 'foldername'],
])

function isText(node: Node, typeOf: (part: Node) => string | undefined): boolean {
  const known = typeOf(node)
  if (known !== undefined) return texts.has(normalType(known))
  const element = as(node, 'A_Indirection')
  if (element) {
    const call = as(element.arg, 'FuncCall')
    if (call && textArrayFunctions.has(nameOfCall(call).name)) return true
    return texts.has(normalType((typeOf(element.arg) ?? '').replace(/\[\]$/, '')))
  }
  const call = as(node, 'FuncCall')
  return call !== undefined && textFunctions.has(nameOfCall(call).name)
}
