import { canonical } from '../../../syntax/expression.ts'
import type { Node } from '../../../syntax/nodes.ts'
import { fieldsOf } from '../../../syntax/walk.ts'
import { callValue, elementsOf, someOfSet } from './calls.ts'
import { Declarations } from './declarations.ts'
import { expression } from './expressions.ts'
import type { Facts } from './facts.ts'
import { hasRow, onlyValue, someRow } from './queries.ts'
import type { Scope } from './scope.ts'
import { ownRow } from './scope.ts'
import type { Scalar } from './terms.ts'
import { and, boolean, equal, not, scalar } from './terms.ts'
import type { Translator } from './translator.ts'
import { quoted } from './types.ts'
import { ifModelled, Unmodelled } from './unmodelled.ts'

/**
 * The question to a solver whether the predicates let the same rows pass, in every database that the catalog allows:
 * SMT-LIB that is unsatisfiable where they do. Undefined where something in them is not modelled.
 *
 * ```smt2
 * (assert (not (= <before is true> <after is true>)))
 * ```
 *
 * NULL lets no row pass, so only being true is compared. Errors are no part of the question.
 */
export function equivalenceScript(before: Node, after: Node, facts: Facts): string | undefined {
  const declarations = new Declarations()
  const to = translator(facts, declarations)
  const top: Scope = {
    levels: [new Map([[facts.table.name, ownRow(facts, declarations)]])],
    parameters: undefined,
    rights: '',
    depth: 0,
    within: [],
    picks: false,
  }
  return ifModelled(() => {
    const [one, other] = [before, after].map((tree) => to.truth(facts.withoutTwins(tree), top).value)
    return [
      '(set-logic ALL)',
      ...declarations.toLines(),
      `(assert (not ${equal(one ?? '', other ?? '')}))`,
      '(check-sat)',
      '',
    ].join('\n')
  })
}

function translator(facts: Facts, declarations: Declarations): Translator {
  const to: Translator = {
    facts,
    declarations,
    scalar: (node, scope) => modelledOr(node, scope, to, () => expression(node, scope, to)),
    truth: (node, scope) => {
      const value = to.scalar(node, scope)
      if (value.type === 'bool') return value
      if (value.isNull === 'true' && value.type === 'unknown') return boolean('false', 'false')
      return opaqueTruth(node, scope, to)
    },
    someRow: (select, scope, make) => someRow(select, scope, make, to),
    hasRow: (select, scope) => hasRow(select, scope, to),
    onlyValue: (select, scope, takesFirst) => onlyValue(select, scope, takesFirst, to),
    elements: (node, scope) => elementsOf(node, scope, to),
    call: (call, scope) => callValue(call, scope, to),
    someOfSet: (call, scope, make) => someOfSet(call, scope, make, to),
  }
  return to
}

/**
 * A part that is not modelled stands for itself, at the top and without a query in it: written the same in both
 * predicates, it is the same of one row in one statement.
 */
function modelledOr(node: Node, scope: Scope, to: Translator, attempt: () => Scalar): Scalar {
  try {
    return attempt()
  } catch (error) {
    if (!(error instanceof Unmodelled) || !isSteadyPart(node, scope, to)) throw error
    const type = `part ${canonical(node)}`
    const sort = quoted(`type ${type}`)
    return scalar(
      type,
      to.declarations.apply(type, [], sort),
      to.declarations.apply(`${type} is null`, [], 'Bool'),
    )
  }
}

function opaqueTruth(node: Node, scope: Scope, to: Translator): Scalar {
  if (!isSteadyPart(node, scope, to)) throw new Unmodelled('a condition of another type')
  const [holds, fails] = ['is true', 'is false'].map((what) =>
    to.declarations.apply(`part ${canonical(node)} ${what}`, [], 'Bool'),
  )
  return boolean(holds ?? '', and(not(holds ?? ''), fails ?? ''))
}

function isSteadyPart(
  node: Node,
  { depth, parameters, within, levels, picks }: Scope,
  { facts }: Translator,
): boolean {
  return (
    depth === 0 &&
    parameters === undefined &&
    within.length === 0 &&
    levels.length === 1 &&
    !picks &&
    Array.from(fieldsOf(node, 'SelectStmt')).length === 0 &&
    Array.from(fieldsOf(node, 'ParamRef')).length === 0 &&
    Array.from(fieldsOf(node, 'SetToDefault')).length === 0 &&
    Array.from(fieldsOf(node, 'FuncCall')).every((call) => facts.isSteady(call))
  )
}
