import { byTable } from '../../catalog/byTable.ts'
import type { Policy } from '../../catalog/policies.ts'
import { listPolicies } from '../../catalog/policies.ts'
import { listRelations } from '../../catalog/relations.ts'
import type { Relation } from '../../catalog/relations.ts'
import { listLockedOids } from '../../catalog/lockedRelations.ts'
import type { Grant, TableAccess } from '../../catalog/tableAccess.ts'
import { listTableAccess, mostRoles } from '../../catalog/tableAccess.ts'
import { groupBy } from '../../groupBy.ts'
import { effectivePredicate } from '../../policies/proof/effectivePredicate.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { TableBlock } from '../block.ts'
import { tableBlock } from '../block.ts'
import type { SectionContext } from '../section.ts'

const commands = ['select', 'insert', 'update', 'delete'] as const

/** Roles that may do the same with one table, and what that is. */
interface AccessRow {
  table: Relation
  roles: string
  /** For each command: `no grant`, `denied: no policy`, `rows by policy` or `everything`. */
  rights: string[]
  /** `SELECT, DELETE: (owner_id = auth.uid())`, a line for each predicate. */
  predicates: string
  /** Row-level security is off, and a role that would not bypass it has a grant: the table comes first. */
  isOpen: boolean
}

/** Who may do what, from grants, row-level security and policies. */
export async function tableAccess(context: SectionContext): Promise<TableBlock> {
  const locked = await context.read(listLockedOids)
  const policies = new Map((await context.read(listPolicies)).map((policy) => [policy.oid, policy]))
  const access = byTable(await context.read(listTableAccess))
  const tables = (await context.read(listRelations)).filter(
    ({ oid, schema }) => access.has(oid) && !locked.has(oid) && context.wants(schema),
  )
  const found = tables.flatMap(({ oid }) => access.get(oid) ?? [])
  const reaching = new Set(
    found.filter((each) => commands.some((command) => each[command])).map(({ role }) => role),
  )
  const rows = tables.map((table) =>
    rowsOf(
      table,
      (access.get(table.oid) ?? []).filter(({ role }) => reaching.has(role)),
      policies,
    ),
  )
  return tableBlock({
    id: 'table_access',
    title: 'Who may do what',
    figures: 'measured',
    columns: [
      ['table', 'text', ({ table }) => display(table)],
      ['row-level security', 'text', ({ table }) => securityOf(table)],
      ['roles', 'text', ({ roles }) => roles],
      ...commands.map(
        (command, at) =>
          [command.toUpperCase(), 'access', ({ rights }: AccessRow) => rights[at] ?? null] as [
            string,
            'access',
            (row: AccessRow) => string | null,
          ],
      ),
      ['policies together', 'expression', ({ predicates }) => predicates],
    ],
    items: [...rows.filter(isOpen), ...rows.filter((some) => !isOpen(some))].flat(),
    limit: 400,
    note:
      `At most ${mostRoles} roles are listed. ` +
      'Tables without row-level security that a role can use come first. An UPDATE or DELETE whose WHERE reads the table must pass SELECT too. ' +
      '“public” is every other role. Superusers and owners are not listed, and neither are views, which may read with the rights of their owner.',
  })
}

const isOpen = (rows: AccessRow[]): boolean => rows.some((row) => row.isOpen)

/** `off`, `on`, or `on, forced`. */
export function securityOf({ rowSecurity, forcesRowSecurity }: Relation): string {
  return !rowSecurity ? 'off' : forcesRowSecurity ? 'on, forced' : 'on'
}

/** One row for the roles that may do the same. */
function rowsOf(table: Relation, access: TableAccess[], policies: ReadonlyMap<number, Policy>): AccessRow[] {
  const judged = access.map((each) => ({ each, ...judge(each, policies) }))
  const groups = groupBy(judged, ({ rights, predicates }) => JSON.stringify([rights, predicates]))
  return [...groups.values()].map((group) => ({
    table,
    roles: group.map(({ each }) => roleText(each)).join(', '),
    rights: group[0]?.rights ?? [],
    predicates: group[0]?.predicates ?? '',
    isOpen:
      !table.rowSecurity &&
      group.some(({ each, rights }) => !each.bypasses && rights.some((right) => right !== 'no grant')),
  }))
}

function judge(access: TableAccess, all: ReadonlyMap<number, Policy>) {
  const policies = access.policyOids.flatMap((oid) => all.get(oid) ?? [])
  const predicates = new Map<string, string[]>()
  const rights = commands.map((command) => {
    const grant = access[command]
    if (grant === null) return 'no grant'
    if (access.isExempt) return `everything${onColumns(grant)}`
    const predicate = effectivePredicate(policies, command)
    if (predicate === undefined) return 'denied: no policy'
    const added = command === 'update' ? effectivePredicate(policies, 'update (new row)') : undefined
    const text = added === undefined || added === predicate ? predicate : `${predicate}, new row ${added}`
    predicates.set(text, [...(predicates.get(text) ?? []), command.toUpperCase()])
    return `${text === 'true' ? 'every row by policy' : 'rows by policy'}${onColumns(grant)}`
  })
  return {
    rights,
    predicates: Array.from(predicates, ([text, named]) => `${named.join(', ')}: ${text}`).join('\n'),
  }
}

const onColumns = (grant: Grant): string => (grant === 'columns' ? ', some columns' : '')

function roleText({ role, bypasses }: TableAccess): string {
  return `${displayIdentifier(role)}${bypasses ? ' (BYPASSRLS)' : ''}`
}
