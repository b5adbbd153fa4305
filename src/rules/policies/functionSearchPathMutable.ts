import { createHash } from 'node:crypto'
import { display, displayIdentifier, qualified } from '../../postgres/identifiers.ts'
import { setFunctionSearchPath } from '../../operations/setFunctionSearchPath.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { listOwnFunctions } from '../../catalog/functions.ts'
import { listBuiltinTypes } from '../../catalog/types.ts'
import { readFunctions } from '../../policies/read/functionCatalog.ts'
import { readReach, readSelectPolicies } from '../../policies/read/reach.ts'
import type { KnownNames } from '../../policies/read/searchPath.ts'
import { whyPathMatters } from '../../policies/read/searchPath.ts'
import { findTablesNamed } from '../../policies/read/tableCatalog.ts'
import { measured, migration, runbook } from '../remedies.ts'
import type { Violation, Remedy, Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'

/**
 * Functions that look up names in their caller's search_path. A caller of a SECURITY DEFINER function can so replace
 * objects by his own, which then run with the owner's rights.
 *
 * ```sql
 * CREATE FUNCTION is_admin() ... SECURITY DEFINER AS 'SELECT EXISTS (SELECT FROM public.admins ...)';
 * ALTER FUNCTION is_admin() SET search_path = '';
 * ```
 *
 * A migration is written for SECURITY DEFINER functions in which every name is qualified. For others an empty path
 * would change the meaning. A function with the caller's rights would no longer be inlined, and so be slower.
 */
export const functionSearchPathMutable: Rule = {
  name: 'function_search_path_mutable',
  finds: "functions that look up names in their caller's search_path",
  cure: 'an empty search_path, where every name in the body is qualified',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const judged = (await context.read(listOwnFunctions)).filter(
      ({ schema, settings, isResolved }) =>
        wanted(schema) && settings['search_path'] === undefined && !isResolved,
    )
    if (judged.length === 0) return []
    const reach = await readReach(
      context.db,
      await context.read(readFunctions),
      { trees: [], called: judged.filter(({ isSecurityDefiner }) => isSecurityDefiner) },
      {
        named: (names) => findTablesNamed(context.db, names),
        policiesOf: (tables) => readSelectPolicies(context.db, tables),
      },
    )
    const builtin = await context.read(listBuiltinTypes)
    const known = { reach, isBuiltinType: (name: string) => builtin.has(name) }
    return judged.map((each) => toFinding(each, known))
  },
}

function toFinding(each: CatalogFunction, known: KnownNames): Violation {
  const shown = `${display(each)}(${each.args})`
  return {
    level: each.isSecurityDefiner ? 'warn' : 'info',
    subject: [each.schema, each.name, each.args],
    detail:
      `${shown} ${each.isSecurityDefiner ? 'runs with the rights of its owner and' : ''} sets no search_path.`.replace(
        '  ',
        ' ',
      ),
    evidence: [measured('security definer', each.isSecurityDefiner), measured('language', each.language)],
    remedy: remedyFor(each, shown, known),
    ...(each.isSecurityDefiner ? {} : { infoBecause: "on functions with their caller's rights" }),
  }
}

function remedyFor(each: CatalogFunction, shown: string, known: KnownNames): Remedy {
  const alter = `ALTER FUNCTION ${qualified(each)}(${each.args})`
  if (!each.isSecurityDefiner) {
    return runbook(
      `${shown} has its caller's rights, so there is little to gain from a search_path of its own`,
      'Leave it: PostgreSQL does not inline an SQL function that sets a search_path, and a policy that calls it gets 3 to 4 times slower.',
      `If you want one nevertheless, qualify every name in its body first: ${alter} SET search_path = '';`,
    )
  }
  const reason = whyPathMatters(each, known)
  if (reason !== undefined) {
    return runbook(
      `Not written: ${reason}`,
      'Qualify every name in the body with its schema (CREATE OR REPLACE FUNCTION).',
      `${alter} SET search_path = '';`,
    )
  }
  if (!each.isOurs) {
    return runbook(
      `Only its owner may alter it`,
      `As ${displayIdentifier(each.owner)}: ${alter} SET search_path = '';`,
    )
  }
  const md5 = createHash('md5').update(each.source).digest('hex')
  const { schema, name, args } = each
  return migration(setFunctionSearchPath({ schema, name, args }, md5))
}
