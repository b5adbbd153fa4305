import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import type { Policy } from '../../catalog/policies.ts'
import type { RowSecurity, SecuredTable, SecuringPolicy } from '../../catalog/rowSecurity.ts'
import { checkedCommands } from '../../policies/proof/effective.ts'
import { effectivePredicate } from '../../policies/proof/effectivePredicate.ts'
import type { RlsCost, RlsCosts } from '../../policies/cost/policyCost.ts'
import type { PolicyOnTable } from '../../policies/read/policyCatalog.ts'
import { rlsCostLimits } from '../../policies/cost/policyCost.ts'
import { oneLine } from './cells.ts'

/**
 * rls-analysis.txt: per table its policies, what they add up to for each role and command, and columns without an
 * index; then the functions that policies call.
 */
export function rlsAnalysisText(
  { tables, functions }: RowSecurity,
  options: { takenAt: string; narrow: PolicyOnTable[]; costs?: RlsCosts },
): string {
  const lines = [
    `Row-level security, ${options.takenAt}`,
    'An UPDATE or DELETE whose WHERE reads the table must pass SELECT as well. Grants are checked before any policy.',
    costsHead(options.costs),
    '',
  ]
  if (tables.length === 0) lines.push('No table has row-level security or policies.')
  for (const table of tables) lines.push(...tableText(table, options), '')
  lines.push('Functions that policies call', '============================', '')
  if (functions.length === 0) lines.push('None.')
  for (const helper of functions) {
    lines.push(
      helper.signature,
      `  ${helper.volatility}, ${helper.language}, ${helper.isSecurityDefiner ? 'SECURITY DEFINER' : 'runs as the caller'}, ` +
        `search_path ${helper.settings['search_path'] ?? "the caller's"}${helper.isLeakproof ? ', leakproof' : ''}, in ${helper.usedBy} policies`,
      ...warnings(helper).map((warning) => `  ! ${warning}`),
    )
  }
  return `${lines.join('\n')}\n`
}

function tableText(
  table: SecuredTable,
  { narrow, costs }: { narrow: PolicyOnTable[]; costs?: RlsCosts },
): string[] {
  const title = display(table)
  const cost = costs?.list.find(
    (each) => each.table.schema === table.schema && each.table.name === table.name,
  )
  const state = table.rowSecurity
    ? table.forcesRowSecurity
      ? 'row-level security on, forced on the owner too'
      : 'row-level security on'
    : 'row-level security OFF: its policies do nothing'
  return [
    oneLine(title),
    '='.repeat(oneLine(title).length),
    `${state}; ${table.estimatedRows === null ? 'never analyzed' : `about ${Math.round(table.estimatedRows).toLocaleString('en-US')} rows (estimated)`}`,
    ...(table.policies.length === 0 && table.rowSecurity
      ? ['No policy: only the owner and roles with BYPASSRLS see or write a row.']
      : []),
    ...(table.columnsWithoutIndex.length > 0
      ? [`Columns of policies on which no index leads: ${table.columnsWithoutIndex.join(', ')}`]
      : []),
    ...(cost && costs ? [costText(cost, costs)] : []),
    '',
    'Policies',
    ...table.policies.flatMap((policy) => [...policyText(policy, cost), ...narrowing(table, policy, narrow)]),
    '',
    'What they add up to',
    ...effectiveText(table),
  ]
}

/** Who the reads of all rows were timed as, or how to have them timed. */
function costsHead(costs: RlsCosts | undefined): string {
  if (!costs)
    return 'The cost of each policy was not measured: --analyze reads the tables as a user, and again bypassing the policies.'
  const { role, claims } = costs.identity
  const who = claims && 'sub' in claims ? 'one of its users' : 'nobody signed in'
  return `Costs: all rows read as ${displayIdentifier(role)}, ${who}, and again bypassing the policies with the same filter; warm, the best of three.`
}

/** `Cost: 10 rows in 109 ms as authenticated, in 0.2 ms bypassing the policies with the same filter: 545 times` */
function costText({ rows, asUser, writtenOut, skipped }: RlsCost, { identity }: RlsCosts): string {
  if (skipped !== undefined) return `Cost: not measured, ${oneLine(skipped)}`
  const times = (asUser ?? rlsCostLimits.timeoutMs) / (writtenOut ?? rlsCostLimits.timeoutMs)
  const factor = `${asUser === null ? 'at least ' : ''}${Number(times.toPrecision(3))} times`
  return (
    `Cost: ${rows === null ? '' : `${rows} rows in `}${milliseconds(asUser)} as ${displayIdentifier(identity.role)}, ` +
    `in ${milliseconds(writtenOut)} bypassing the policies with the same filter${writtenOut === null ? '' : `: ${factor}`}`
  )
}

function milliseconds(ms: number | null): string {
  return ms === null ? `over ${rlsCostLimits.timeoutMs} ms` : `${ms} ms`
}

/** Advice only: no migration narrows the roles of a policy. */
function narrowing(table: SecuredTable, { name }: Policy, narrow: PolicyOnTable[]): string[] {
  const is = (policy: PolicyOnTable) =>
    policy.name === name && policy.table.name === table.name && policy.table.schema === table.schema
  if (!narrow.some(is)) return []
  return [
    '    advice: only signed-in users can pass it. With TO authenticated, queries of visitors would not evaluate it. Make sure that no other role needs it: hundredfold never narrows roles itself.',
  ]
}

function policyText(policy: SecuringPolicy, cost: RlsCost | undefined): string[] {
  const priced = cost?.policies.find(({ name }) => name === policy.name)
  return [
    `  ${oneLine(policy.name)}: ${policy.permissive ? 'permissive' : 'RESTRICTIVE'}, FOR ${policy.command}, TO ${rolesText(policy.rolesAsWritten)}`,
    ...(policy.using === null ? [] : [`    USING ${oneLine(policy.using)}`]),
    ...(policy.check === null ? [] : [`    WITH CHECK ${oneLine(policy.check)}`]),
    ...(policy.calls.length === 0 ? [] : [`    calls ${policy.calls.join(', ')}`]),
    ...(priced ? [`    costs ${milliseconds(priced.price)} when all rows are read`] : []),
  ]
}

/** Per group of roles with the same policies, and per command, the predicate that a row must satisfy. */
function effectiveText({ policies }: SecuredTable): string[] {
  const roles = [...new Set(policies.flatMap((policy) => policy.roles))].sort()
  const audiences = ['any other role', ...roles]
  const blocks = new Map<string, string[]>()
  for (const role of audiences) {
    const own = policies.filter((policy) => policy.roles.length === 0 || policy.roles.includes(role))
    const text = checkedCommands
      .map(
        (command) => `    ${command.toUpperCase()}: ${oneLine(effectivePredicate(own, command) ?? 'no row')}`,
      )
      .join('\n')
    blocks.set(text, [...(blocks.get(text) ?? []), role])
  }
  return Array.from(blocks, ([text, who]) => `  ${who.join(', ')}:\n${text}`)
}

function rolesText(roles: string[]): string {
  return roles.length === 0 ? 'PUBLIC' : roles.join(', ')
}

function warnings(helper: RowSecurity['functions'][number]): string[] {
  return [
    ...(helper.volatility === 'volatile'
      ? [
          'VOLATILE: PostgreSQL calls it for every row, and wrapping it in a sub-select could change what it means',
        ]
      : []),
    ...(helper.isSecurityDefiner && helper.settings['search_path'] === undefined
      ? ['SECURITY DEFINER without a search_path of its own: a caller can make it use other objects']
      : []),
  ]
}
