import type { ClientBase } from 'pg'
import type { ValueFrequencies, ValueKind } from '../catalog/valueFrequencies.ts'
import { resolveTables, valueOf } from '../catalog/valueFrequencies.ts'
import { borrow } from '../postgres/database.ts'
import type { PlanNode } from '../postgres/explain.ts'
import { splitStatements } from '../syntax/statements.ts'
import type { Comparison } from './comparedParameters.ts'
import { comparedParameters } from './comparedParameters.ts'
import { inSearchPath } from './inSearchPath.ts'
import { rowsOf } from './planRows.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { planStatement } from './plannedStatement.ts'

/** A column is skewed where its most common value comes that many times as often as a rare one, and not seldom. */
const skewed = { ratio: 10, share: 0.01 }
/** Neither the common nor the rare value is left out, whatever the counts say. */
const leastShare = 0.01

/**
 * The statement with values in place of "any value" where they matter: where a parameter is compared with a column of
 * which some values come much more often than others. It is planned with the most common value and with a rare one.
 * How many calls ask for which, the rows that a call returned on average tell; where they do not, calls ask for a value
 * as often as rows have it.
 *
 * Undefined where no value matters, or where one of the parameters is compared with nothing that has statistics.
 */
export async function withTypicalArguments(
  client: ClientBase,
  statement: PlannedStatement,
  frequencies: ReadonlyMap<string, ValueFrequencies>,
): Promise<PlannedStatement | undefined> {
  const parameters = await statisticsOfParameters(client, statement, frequencies)
  if (!parameters) return undefined
  const worst = parameters
    .flatMap((parameter) => (parameter && isSkewed(parameter) ? [parameter.statistics] : []))
    .toSorted((a, b) => ratioOf(b) - ratioOf(a))[0]
  if (!worst) return undefined
  const argsOf = (kind: 'common' | 'rare'): string[] =>
    statement.types.map((type, at) => argumentOf(parameters, { at, kind, type }))
  const specific: PlannedStatement = {
    ...statement,
    args: [argsOf('common'), argsOf('rare')],
    usesStatistics: true,
  }
  delete specific.isGeneric
  const common = await shareOfCommon(client, specific, worst.mostCommon)
  return common === undefined ? undefined : { ...specific, shares: [common, 1 - common] }
}

/** What a parameter is compared with; undefined where its value makes no difference to the plan. */
interface Parameter extends Pick<Comparison, 'operator' | 'isList'> {
  statistics: ValueFrequencies
}

async function statisticsOfParameters(
  client: ClientBase,
  { sql, types, searchPath }: PlannedStatement,
  frequencies: ReadonlyMap<string, ValueFrequencies>,
): Promise<(Parameter | undefined)[] | undefined> {
  const [parsed] = types.length > 0 ? await splitStatements(sql) : []
  if (!parsed) return undefined
  const { comparisons, tables, written, named } = comparedParameters(parsed.node)
  if (comparisons.size === 0) return undefined
  const names = tables.map(({ table }) => table)
  const resolved = await inSearchPath(client, searchPath, () => resolveTables(borrow(client), names))
  const find = ({ alias, column }: Comparison): ValueFrequencies | undefined => {
    const found = tables.flatMap((table, at) => {
      const name = resolved[at]
      const isMeant = alias === undefined || alias === table.alias
      const known = name && isMeant ? frequencies.get(keyOf(name.schema, name.name, column)) : undefined
      return known ? [known] : []
    })
    return found.length === 1 ? found[0] : undefined
  }
  const parameters: (Parameter | undefined)[] = []
  for (let number = 1; number <= types.length; number += 1) {
    const comparison = comparisons.get(number)
    const statistics = comparison && find(comparison)
    if (comparison && statistics && hasValue(comparison, statistics))
      parameters.push({ ...comparison, statistics })
    else if (!comparison && (written.has(number) || !named.has(number))) parameters.push(undefined)
    else return undefined
  }
  return parameters
}

function hasValue({ operator }: Comparison, { commonValues, hasHistogram }: ValueFrequencies): boolean {
  return hasHistogram || (operator === '=' && commonValues > 0)
}

export const keyOf = (schema: string, table: string, column: string): string =>
  JSON.stringify([schema, table, column])

/** How many times as often as a rare value the most common one comes. */
function ratioOf(statistics: ValueFrequencies): number {
  const { commonValues, commonShare, mostCommon, leastCommon, distinct, nullFraction } = statistics
  const rest = Math.max(0, 1 - nullFraction - commonShare)
  const others = distinct - commonValues
  const rare = others >= 1 && rest > 0 ? rest / others : leastCommon
  return rare > 0 ? mostCommon / rare : 1
}

function isSkewed({ operator, statistics }: Parameter): boolean {
  return operator === '=' && statistics.mostCommon >= skewed.share && ratioOf(statistics) >= skewed.ratio
}

function argumentOf(
  parameters: readonly (Parameter | undefined)[],
  { at, kind, type }: { at: number; kind: 'common' | 'rare'; type: string },
): string {
  const parameter = parameters[at]
  if (!parameter) return `NULL::${type}`
  const value = valueOf(parameter.statistics, kindOf(parameter, parameters) ?? kind)
  return parameter.isList ? `ARRAY[${value}]::${type}` : `${value}::${type}`
}

/** Undefined where it is the common value or the rare one. */
function kindOf(parameter: Parameter, parameters: readonly (Parameter | undefined)[]): ValueKind | undefined {
  const { operator, statistics } = parameter
  if (operator === '=') return isSkewed(parameter) ? undefined : 'typical'
  const isUpper = operator.startsWith('<')
  const isRange = parameters.some(
    (other) =>
      other?.statistics === statistics &&
      other.operator !== '=' &&
      other.operator.startsWith('<') !== isUpper,
  )
  // For any value, PostgreSQL takes a third of the rows, and a half per cent of them between two.
  if (isRange) return isUpper ? 'next' : 'typical'
  return isUpper ? '1/3' : '2/3'
}

/** The share of the calls that ask for the common value; undefined where the two are planned with one result. */
async function shareOfCommon(
  client: ClientBase,
  statement: PlannedStatement,
  frequency: number,
): Promise<number | undefined> {
  const plans: PlanNode[] = []
  for (const args of statement.args) plans.push(await planStatement(client, statement, args, 'custom'))
  const [many, few] = plans.map(rowsOf)
  const { rowsPerCall } = statement
  const isTold = many !== undefined && few !== undefined && rowsPerCall !== undefined && many > 2 * few
  const share = isTold ? (rowsPerCall - few) / (many - few) : frequency
  return Math.min(1 - leastShare, Math.max(leastShare, share))
}
