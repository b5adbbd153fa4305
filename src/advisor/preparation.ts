import type { ClientBase } from 'pg'
import { parameterTypesOf } from '../catalog/parameterTypes.ts'
import type { SearchPaths } from '../catalog/searchPaths.ts'
import { readSearchPaths } from '../catalog/searchPaths.ts'
import type { ValueFrequencies } from '../catalog/valueFrequencies.ts'
import { installValueOf, listValueFrequencies } from '../catalog/valueFrequencies.ts'
import { messageOf } from '../errors.ts'
import { borrow } from '../postgres/database.ts'
import { errorCode, isConnectionLost } from '../postgres/sqlState.ts'
import { plannableStatement } from '../syntax/statementKind.ts'
import type { LeftOut } from '../workload/leftOut.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { inSearchPath } from './inSearchPath.ts'
import { withLimits } from './limits.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { planStatement } from './plannedStatement.ts'
import { keyOf, withTypicalArguments } from './typicalArguments.ts'

/** A workload as the shadow plans it, and what it does not plan. */
export interface PreparedWorkload {
  statements: PlannedStatement[]
  leftOut: LeftOut[]
}

/**
 * Finds for each statement how PostgreSQL plans it: under which `search_path`, with which claims and, where nobody kept
 * its arguments, with which types and values of them. Nothing is executed, and nothing stays in the shadow but the function that
 * gives values of statistics.
 */
export async function prepareWorkload(
  client: ClientBase,
  workload: readonly WorkloadStatement[],
): Promise<PreparedWorkload> {
  const prepared: PreparedWorkload = { statements: [], leftOut: [] }
  await installValueOf(borrow(client))
  await client.query('BEGIN')
  try {
    const known = {
      paths: await readSearchPaths(borrow(client)),
      frequencies: await readFrequencies(client),
    }
    for (const statement of workload) {
      try {
        prepared.statements.push(await prepare(client, statement, known))
      } catch (error) {
        if (isConnectionLost(error)) throw error
        prepared.leftOut.push({ statement, reason: reasonOf(error, statement) })
      }
    }
    return prepared
  } finally {
    await client.query('ROLLBACK')
  }
}

/** What the shadow's catalog says for all statements. */
interface Known {
  paths: SearchPaths
  frequencies: ReadonlyMap<string, ValueFrequencies>
}

async function readFrequencies(client: ClientBase): Promise<Known['frequencies']> {
  const all = await listValueFrequencies(borrow(client))
  return new Map(all.map((each) => [keyOf(each.schema, each.table, each.column), each]))
}

async function prepare(
  client: ClientBase,
  statement: PlannedStatement,
  { paths, frequencies }: Known,
): Promise<PlannedStatement> {
  const plannable = await plannableStatement(statement.sql)
  if ('notPlanned' in plannable) throw new Error(plannable.syntaxError ?? plannable.notPlanned)
  const { sql } = plannable
  const planned = await firstThatPlans(client, variantsOf({ ...statement, sql }, paths))
  if (!planned.isGeneric) return planned
  const limited = await instead(client, planned, await withLimits(planned))
  return instead(client, limited, await withTypicalArguments(client, limited, frequencies))
}

/** Who is not known, as somebody: where nobody is, a policy that compares with the caller is planned as never true. */
const somebody = '00000000-0000-4000-8000-000000000000'

/** The statement under each `search_path` and with each identity with which it may be meant. */
function variantsOf(statement: PlannedStatement, { ofRole, all }: SearchPaths): PlannedStatement[] {
  const { role, isGeneric, claims } = statement
  const own = role === undefined ? undefined : ofRole.get(role)
  const inPaths = [
    ...(own === undefined ? [statement] : [{ ...statement, searchPath: own }]),
    ...(all === '' ? [] : [{ ...statement, searchPath: all }]),
  ]
  if (!isGeneric || role === undefined || claims !== undefined) return inPaths
  return inPaths.flatMap((each) => [{ ...each, claims: { sub: somebody, role } }, each])
}

/** @throws what PostgreSQL says of the first, where it plans none */
async function firstThatPlans(
  client: ClientBase,
  variants: readonly PlannedStatement[],
): Promise<PlannedStatement> {
  let failure: unknown
  for (const variant of variants) {
    try {
      const typed = variant.isGeneric ? await withTypes(client, variant) : variant
      await planWithEach(client, typed)
      return typed
    } catch (error) {
      failure ??= error
    }
  }
  throw failure
}

/** `$1` ... with the types that PostgreSQL infers, and NULL for each. */
async function withTypes(client: ClientBase, statement: PlannedStatement): Promise<PlannedStatement> {
  try {
    return await inSearchPath(client, statement.searchPath, async () => {
      await client.query(`PREPARE hundredfold_statement AS ${statement.sql}`)
      const types = await parameterTypesOf(borrow(client), 'hundredfold_statement')
      return { ...statement, types, args: [types.map(() => 'NULL')] }
    })
  } finally {
    await client.query('DEALLOCATE ALL')
  }
}

/** Plans it once with each list of arguments: one of them may have no value of the type that it should. */
async function planWithEach(client: ClientBase, statement: PlannedStatement): Promise<void> {
  for (const args of statement.args) {
    await planStatement(client, statement, args, statement.isGeneric ? 'generic' : 'custom')
  }
}

/** The other statement if there is one that PostgreSQL plans. */
async function instead(
  client: ClientBase,
  statement: PlannedStatement,
  other: PlannedStatement | undefined,
): Promise<PlannedStatement> {
  if (!other) return statement
  try {
    await planWithEach(client, other)
    return other
  } catch (error) {
    if (isConnectionLost(error)) throw error
    return statement
  }
}

function reasonOf(error: unknown, { isGeneric }: PlannedStatement): string {
  const message = messageOf(error)
  const isMissing = errorCode(error) === '42P01'
  return isGeneric && isMissing ? `${message}: a temporary table, or one that is gone` : message
}
