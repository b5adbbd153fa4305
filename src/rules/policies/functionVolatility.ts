import { createHash } from 'node:crypto'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { groupBy } from '../../groupBy.ts'
import { condition } from '../../operations/operation.ts'
import { setFunctionVolatility } from '../../operations/setFunctionVolatility.ts'
import { functionMayBeStable } from '../../policies/proof/functionMayBeStable.ts'
import type { CatalogTable } from '../../policies/read/tableCatalog.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import type { VolatileFunctions } from '../../policies/read/volatility/volatileFunctions.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import { measured, migration, runbook } from '../remedies.ts'
import type { Remedy, Rule, Violation } from '../rule.ts'
import { ruleNames } from '../ruleNames.ts'

/**
 * Functions of policies that are VOLATILE because nobody wrote another word, although they only read, and read nothing
 * that a command changes which the policies judge.
 *
 * ```sql
 * CREATE FUNCTION is_admin() RETURNS boolean LANGUAGE sql AS '...';   -- VOLATILE
 * ALTER FUNCTION is_admin() STABLE;
 * ```
 *
 * Policies need no declaration to call it once per statement. The declaration holds for every caller, so it is written
 * only if the rule is asked for by its name.
 */
export const functionVolatility: Rule = {
  name: 'function_volatility',
  finds: 'functions of policies that are VOLATILE by omission: they only read what stays the same',
  cure: '`ALTER FUNCTION ... STABLE`, only with `optimize --rules function_volatility`',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const { parsed, volatile } = await context.read(readParsedPolicies)
    const calls = parsed.flatMap(({ policy }) =>
      policy.functions
        .filter((called) => called.volatility === 'volatile' && called.kind === 'f' && wanted(called.schema))
        .map((called) => ({ called, table: policy.table })),
    )
    return [...groupBy(calls, ({ called }): CatalogFunction => called)].flatMap(([called, by]) =>
      findingOf(context, called, new Set(by.map(({ table }) => table)), volatile),
    )
  },
}

function findingOf(
  context: Snapshot,
  called: CatalogFunction,
  tables: ReadonlySet<CatalogTable>,
  volatile: VolatileFunctions,
): Violation[] {
  const isSteady = [...tables].every(({ oid }) => volatile.whyPerRow(called, oid) === undefined)
  if (!isSteady) return []
  const shown = `${display(called)}(${called.args})`
  return [
    {
      level: isAskedFor(context) ? 'warn' : 'info',
      subject: [called.schema, called.name, called.args],
      detail: `${shown} is VOLATILE, the default, although it only reads.`,
      evidence: [measured('in policies of', shortList(Array.from(tables, display)))],
      remedy: remedyFor(context, called, shown),
      ...(isAskedFor(context) ? {} : { infoBecause: 'that policies need not have declared STABLE' }),
    },
  ]
}

function isAskedFor({ rules }: Snapshot): boolean {
  return rules !== undefined && rules.length < ruleNames.length && rules.includes('function_volatility')
}

function remedyFor(context: Snapshot, called: CatalogFunction, shown: string): Remedy {
  if (!isAskedFor(context)) {
    return runbook(
      'Only on request: the declaration holds for every caller, and policies do without it',
      'See whether a trigger, a function or the application relies on the function seeing what the same statement has changed.',
      'If none does: optimize --rules function_volatility',
    )
  }
  if (!called.isOurs) {
    return runbook(
      'Only its owner may alter it',
      `As ${displayIdentifier(called.owner)}: ALTER FUNCTION ${shown} STABLE;`,
    )
  }
  const md5 = createHash('md5').update(called.source).digest('hex')
  const { schema, name, args } = called
  const judged = condition(functionMayBeStable, { schema, name, args })
  return migration(setFunctionVolatility({ schema, name, args }, md5, judged))
}
