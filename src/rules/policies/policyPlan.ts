import type { Operation } from '../../operations/operation.ts'
import { listLockedTables } from '../../catalog/lockedRelations.ts'
import { listRelationNames, namesBySchema } from '../../catalog/relationNames.ts'
import type { RewriteRule } from '../../policies/rewrite/change.ts'
import { rewriteRules } from '../../policies/rewrite/change.ts'
import type { ParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import type { DuplicatePolicy } from '../../policies/rewrite/duplicatePolicies.ts'
import { findDuplicatePolicies } from '../../policies/rewrite/duplicatePolicies.ts'
import type { PolicyCatalog } from '../../policies/read/policyCatalog.ts'
import type { PolicyIndex } from '../../policies/rewrite/policyIndexes.ts'
import { findPolicyIndexes, readIndexCatalog } from '../../policies/rewrite/policyIndexes.ts'
import type { IsPlannedOften, PolicyRewrite, PolicyRewrites } from '../../policies/rewrite/policyRewrites.ts'
import { rewritePolicies } from '../../policies/rewrite/policyRewrites.ts'
import type { CatalogTable } from '../../policies/read/tableCatalog.ts'
import { policyIndexRemedy } from './policyIndexRemedy.ts'
import type { Remedy } from '../rule.ts'
import type { NamedRelation } from '../../syntax/relations.ts'
import { relationsIn } from '../../syntax/relations.ts'
import type { PlannedOften, Snapshot } from '../../catalog/snapshot.ts'

/** A column that policies compare, now or once they are rewritten, and what to do about it. */
export interface PlannedIndex {
  index: PolicyIndex
  remedy: Remedy
}

/** How policies and the indexes that serve them change together. */
export interface PolicyPlan extends PolicyRewrites {
  indexes: PlannedIndex[]
  isPlannedOften: IsPlannedOften
  /** Policies that are dropped instead of rewritten, since they say what another one says; by their oid. */
  duplicates: ReadonlyMap<number, DuplicatePolicy>
  /** The operations of the indexes that the rewrites rely on. */
  indexOperations(rewrites: PolicyRewrite[]): Operation[]
}

const plans = new WeakMap<ParsedPolicies, Map<string, Promise<PolicyPlan>>>()

/**
 * The rewrites that the wanted rules ask for, and the indexes that serve the rewritten policies. The form of a rewrite
 * depends on the indexes, and which indexes are useful depends on the rewrites. So the policies are first rewritten as
 * if every column had an index. Then the useful missing indexes are planned, and the policies are rewritten for the
 * indexes that exist or will.
 */
export async function planPolicies(context: Snapshot): Promise<PolicyPlan> {
  const policies = await context.read(readParsedPolicies)
  const wanted = rewriteRules.filter((each) => context.rules?.includes(each) ?? true)
  const known = plans.get(policies) ?? new Map<string, Promise<PolicyPlan>>()
  plans.set(policies, known)
  const drops = context.rules?.includes('duplicate_policy') ?? true
  const key = JSON.stringify([wanted, drops, context.plannedOften?.tables])
  const plan = known.get(key) ?? makePlan(context, policies, { rules: new Set(wanted), drops })
  known.set(key, plan)
  return plan
}

async function makePlan(
  context: Snapshot,
  policies: ParsedPolicies,
  { rules, drops }: { rules: ReadonlySet<RewriteRule>; drops: boolean },
): Promise<PolicyPlan> {
  const found = drops ? (await findDuplicatePolicies(policies.catalog)).filter(mayBeDropped) : []
  const duplicates = new Map(found.map((duplicate) => [duplicate.dropped.oid, duplicate]))
  const names = namesBySchema(await context.read(listRelationNames))
  const indexCatalog = await context.read(readIndexCatalog)
  const isPlannedOften = plannedOften(policies, context.plannedOften)
  const assumed = rewritePolicies(policies, rules, () => true, isPlannedOften)
  const staying = policies.catalog.policies.filter(({ oid }) => !duplicates.has(oid))
  const later = rewritten({ ...policies.catalog, policies: staying }, assumed.rewrites)
  const compared = await findPolicyIndexes(later, indexCatalog)
  const locked = new Set((await context.read(listLockedTables)).map(({ oid }) => oid))
  // The indexes of a table that another session locks are unknown, so none counts as missing.
  const seen = compared.filter(({ table }) => !locked.has(table.oid))
  const indexes = seen.map((index) => ({
    index,
    remedy: policyIndexRemedy(index, names.get(index.table.schema) ?? new Set<string>()),
  }))
  const operations = new Map<string, Operation>()
  for (const { index, remedy } of indexes) {
    if (index.column !== undefined && remedy.kind === 'migration')
      operations.set(keyOf(index.table, index.column), remedy.operation)
  }
  const rewrites = assumed.rewrites.some((each) => columnsNeeded(each).length > 0)
    ? rewritePolicies(
        policies,
        rules,
        (table, column) => operations.has(keyOf(table, column)),
        isPlannedOften,
      )
    : assumed
  return {
    ...rewrites,
    isPlannedOften,
    duplicates,
    indexes,
    indexOperations: (of) => [
      ...new Set(
        of.flatMap((each) =>
          columnsNeeded(each).flatMap((column) => operations.get(keyOf(each.policy.table, column)) ?? []),
        ),
      ),
    ],
  }
}

/** Whether a migration may drop the second of two equal policies. */
export function mayBeDropped({ dropped, reason }: DuplicatePolicy): boolean {
  return reason === undefined && dropped.table.isOurs
}

/** A statement on a table also plans the policies of the tables that its policies read. */
function plannedOften({ parsed }: ParsedPolicies, often?: PlannedOften): IsPlannedOften {
  if (!often) return () => false
  const { tables: named, except } = often
  if (named === 'all') return (table) => !except(table)
  const found = new Set<number>()
  const tables = parsed.map(({ policy }) => policy.table)
  const add = (wanted: readonly NamedRelation[]): void => {
    for (const table of tables) {
      const isNamed = wanted.some(
        ({ schema, name }) => name === table.name && (schema ?? table.schema) === table.schema,
      )
      if (!isNamed || found.has(table.oid)) continue
      found.add(table.oid)
      for (const { policy, using, check } of parsed)
        if (policy.table.oid === table.oid)
          for (const tree of [using, check]) if (tree) add(relationsIn(tree))
    }
  }
  add(named)
  return (table) => found.has(table.oid) && !except(table)
}

function rewritten(catalog: PolicyCatalog, rewrites: PolicyRewrite[]): PolicyCatalog {
  const after = new Map(rewrites.map((rewrite) => [rewrite.policy.oid, rewrite.after]))
  return { ...catalog, policies: catalog.policies.map((each) => ({ ...each, ...after.get(each.oid) })) }
}

function columnsNeeded({ changes }: PolicyRewrite): string[] {
  return changes.flatMap(({ needsIndexOn }) => needsIndexOn ?? [])
}

function keyOf(table: CatalogTable, column: string): string {
  return `${table.oid} ${column}`
}
