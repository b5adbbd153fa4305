import { messageOf } from '../../errors.ts'
import { groupBy } from '../../groupBy.ts'
import type { Read } from '../../catalog/reader.ts'
import type { SelectReads } from '../../catalog/selectReads.ts'
import { listSelectReads } from '../../catalog/selectReads.ts'
import type { Database } from '../../postgres/database.ts'
import { display } from '../../postgres/identifiers.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as } from '../../syntax/nodes.ts'
import { parseExpression } from '../../syntax/expression.ts'
import { childNodes } from '../../syntax/replaceNodes.ts'
import { rowReferences } from '../../syntax/rowReferences.ts'
import { nameOfCall } from '../read/calls.ts'
import type { PlanVerdicts } from './correlated.ts'
import { correlatedCandidates } from './correlated.ts'
import { Hazards } from '../read/hazards.ts'
import type { PlanQuestion } from './planVerdicts.ts'
import { readPlanVerdicts } from './planVerdicts.ts'
import type { Baseline } from './policyBaseline.ts'
import { readBaseline } from './policyBaseline.ts'
import type { PolicyOnTable, PolicyCatalog } from '../read/policyCatalog.ts'
import { readPolicyCatalog } from '../read/policyCatalog.ts'
import type { Surroundings } from '../read/privateSchema.ts'
import { readSurroundings } from '../read/privateSchema.ts'
import type { Scope } from '../read/calls.ts'
import type { CatalogTable } from '../read/tableCatalog.ts'
import type { VolatileFunctions } from '../read/volatility/volatileFunctions.ts'
import { readVolatileFunctions } from '../read/volatility/readVolatileFunctions.ts'
import type { Reach, RelationSource } from '../read/reach.ts'
import { readReach } from '../read/reach.ts'
import type { KnownNames } from '../read/searchPath.ts'
import { prepareTypes } from '../read/typeNames.ts'

/** One policy with its expressions parsed. */
export interface ParsedPolicy {
  policy: PolicyOnTable
  using?: Node
  check?: Node
  /** Why an expression cannot be read. */
  unreadable?: string
}

/** All policies, parsed, with everything that the rewrites need. */
export interface ParsedPolicies {
  catalog: PolicyCatalog
  parsed: ParsedPolicy[]
  reach: Reach
  hazards: Hazards
  surroundings: Surroundings
  verdicts: PlanVerdicts
  baseline: Baseline
  selectReads: SelectReads
  volatile: VolatileFunctions
}

/** How functions that are declared VOLATILE are judged in the policies of a table. */
export function judging(
  volatile: VolatileFunctions,
  { oid }: CatalogTable,
): Pick<Scope, 'whyPerRow' | 'whyOnce'> {
  return {
    whyPerRow: (called) => volatile.whyPerRow(called, oid),
    whyOnce: (called) => volatile.whyOnce(called, oid),
  }
}

/** What is needed to decide whether a name in a body can mean several things. */
export function namesKnownTo({ reach, surroundings }: ParsedPolicies): KnownNames {
  return { reach, isBuiltinType: (name) => surroundings.builtinTypes.has(name) }
}

/** Reads every policy and parses its expressions. */
export async function readParsedPolicies(db: Database, read: Read): Promise<ParsedPolicies> {
  const catalog = await read(readPolicyCatalog)
  await prepareTypes([
    ...catalog.called.flatMap(({ returnType, argumentTypes }) => [returnType, ...argumentTypes]),
    ...[...catalog.tables.values()].flatMap(({ columns }) => columns.map(({ type }) => type)),
  ])
  const parsed: ParsedPolicy[] = []
  const trees = new Map<string, Promise<Node>>()
  for (const policy of catalog.policies) parsed.push(await parsePolicy(policy, trees))
  const reach = await reachOf(db, catalog, parsed)
  const hazards = new Hazards(reach)
  const surroundings = await readSurroundings(db, read)
  const baseline = await readBaseline(db, catalog.policies)
  const selectReads = await read(listSelectReads)
  const volatile = await readVolatile(db, catalog, parsed, reach)
  const known = {
    ...{ catalog, parsed, reach, hazards, surroundings, baseline, selectReads, volatile },
    verdicts: new Map(),
  }
  return { ...known, verdicts: await readPlanVerdicts(db, planQuestions(known)) }
}

/** What to ask the planner: each sub-select that could be decorrelated. */
function planQuestions(policies: ParsedPolicies): PlanQuestion[] {
  const { catalog, parsed } = policies
  const slow = tablesRunningCode(parsed)
  return parsed.flatMap(({ policy, using, check }) => {
    const scope = {
      functions: catalog.functions,
      called: policy.functions,
      ...trusted,
      hazards: policies.hazards,
      ...judging(policies.volatile, policy.table),
      table: policy.table,
    }
    if (!policy.table.isOurs) return []
    return [using, check]
      .flatMap((tree) => (tree ? correlatedCandidates(tree, scope) : []))
      .map((turned) => ({
        table: policy.table,
        turned,
        slowReads: turned.reads.filter((each) => slow.has(display(each))),
      }))
  })
}

/** For finding candidates only: the rewrite itself refuses functions that are declared falsely. */
const trusted = {
  falselyImmutable: new Map<number, string>(),
  hiddenVolatile: new Map<number, string>(),
}

/** Tables, as `display` names them, whose policies run code for every row that somebody reads. */
export function tablesRunningCode(parsed: Pick<ParsedPolicy, 'policy' | 'using'>[]): Set<string> {
  return new Set(
    parsed
      .filter(({ policy, using }) => policy.table.rowSecurity && using !== undefined && runsCodePerRow(using))
      .map(({ policy: { table } }) => display(table)),
  )
}

/** Whether it has a call outside of pg_catalog that is not in a sub-select of its own, or a correlated sub-select. */
function runsCodePerRow(tree: Node): boolean {
  const link = as(tree, 'SubLink')
  // `key IN (SELECT ...)` compares each row with a list that is read once.
  if (link?.subselect && rowReferences(link.subselect).length > 0) return true
  if (link) return link.testexpr !== undefined && runsCodePerRow(link.testexpr)
  const call = as(tree, 'FuncCall')
  if (call && nameOfCall(call).schema !== 'pg_catalog') return true
  return childNodes(tree).some(runsCodePerRow)
}

/** Judges every VOLATILE function that a policy calls, for the table of the policy. */
async function readVolatile(
  db: Database,
  catalog: PolicyCatalog,
  parsed: ParsedPolicy[],
  reach: Reach,
): Promise<VolatileFunctions> {
  const calls = parsed.flatMap(({ policy }) =>
    policy.functions
      .filter(({ volatility }) => volatility === 'volatile')
      .map((called) => ({ called, tableOid: policy.table.oid })),
  )
  const predicates = parsed.map(({ policy, using, check, unreadable }) => ({
    tableOid: policy.table.oid,
    trees: unreadable === undefined ? [using, check].filter((tree) => tree !== undefined) : undefined,
  }))
  return readVolatileFunctions(db, calls, {
    reach,
    tables: catalog.tables,
    predicates,
    source: sourceOf(catalog, parsed),
  })
}

/** Everything that the policies' expressions can reach; relations and policies are known already. */
function reachOf(db: Database, catalog: PolicyCatalog, parsed: ParsedPolicy[]): Promise<Reach> {
  const { functions, called } = catalog
  const trees = parsed.flatMap(({ using, check }) => [using, check].filter((tree) => tree !== undefined))
  return readReach(db, functions, { trees, called }, sourceOf(catalog, parsed))
}

function sourceOf({ tables }: PolicyCatalog, parsed: ParsedPolicy[]): RelationSource {
  const byName = groupBy(tables.values(), ({ name }) => name)
  const reading = parsed
    .filter(({ policy }) => policy.command === 'SELECT' || policy.command === 'ALL')
    .map(({ policy, using }) => ({ tableOid: policy.table.oid, using }))
  const byTable = groupBy(reading, ({ tableOid }) => tableOid)
  return {
    named: (names) => Promise.resolve(names.flatMap((name) => byName.get(name) ?? [])),
    policiesOf: (of) => Promise.resolve(new Map(of.map(({ oid }) => [oid, byTable.get(oid) ?? []]))),
  }
}

/** Policies with the same text share one tree, which nobody changes. */
async function parsePolicy(policy: PolicyOnTable, trees: Map<string, Promise<Node>>): Promise<ParsedPolicy> {
  const treeOf = (text: string): Promise<Node> => {
    const tree = trees.get(text) ?? parseExpression(text)
    trees.set(text, tree)
    return tree
  }
  try {
    return {
      policy,
      ...(policy.using === null ? {} : { using: await treeOf(policy.using) }),
      ...(policy.check === null ? {} : { check: await treeOf(policy.check) }),
    }
  } catch (error) {
    return { policy, unreadable: messageOf(error) }
  }
}
