import type { Diagnostic, FactBase, StableId } from '@supabase/pg-delta'
import type { ClientBase, Pool } from 'pg'
import { qualified } from '../postgres/identifiers.ts'

export type { FactBase, StableId }

/** What pg-delta read: its facts, and diagnostics about what it could not read or does not model. */
export interface Facts {
  base: FactBase
  /** Of the server: 14 to 18. */
  majorVersion: number
  diagnostics: Diagnostic[]
}

/**
 * Reads every object that pg-delta models, in the caller's transaction. Only this module imports the package, on first
 * use, so that commands without it start quickly.
 */
export async function readFacts(client: ClientBase): Promise<Facts> {
  return factsFrom((text) => client.query(text))
}

/**
 * The same without the dependencies between objects. Only `planStatements` needs those, and reading them takes the server
 * as long as everything else together.
 */
export async function readFactsWithoutOrder(client: ClientBase): Promise<Facts> {
  return factsFrom((text) => (asksForOrder.test(text) ? Promise.resolve({ rows: [] }) : client.query(text)))
}

/** The one query that resolves both ends of everything in pg_depend. */
const asksForOrder = /^\s*WITH dep AS \(/

async function factsFrom(query: Query): Promise<Facts> {
  const { extract } = await import('@supabase/pg-delta/extract')
  const { factBase, pgVersion, diagnostics } = await extract(poolOf(query))
  return { base: factBase, majorVersion: Number.parseInt(pgVersion), diagnostics }
}

/** One statement of a plan, and the objects that it makes and needs. */
export interface PlannedStatement {
  sql: string
  produces: StableId[]
  consumes: StableId[]
}

/**
 * The statements that turn the database of `from` into that of `to`, as if neither had the objects that `isLeftOut`
 * names, nor anything that belongs to them. The statements are in dependency order as far as there is one. Defaults of
 * domains come last, since one may call a function that returns the domain. Where other objects depend on each other in
 * a circle, the order is only a first guess.
 */
export async function planStatements(
  from: FactBase,
  to: FactBase,
  isLeftOut: (id: StableId) => boolean,
): Promise<PlannedStatement[]> {
  const { plan } = await import('@supabase/pg-delta/plan')
  const before = await rebuilt(from, { isLeftOut })
  const after = await rebuilt(to, { isLeftOut })
  const inAnyOrder = async (isHeeded: (edge: Edge) => boolean) =>
    plan(before, await rebuilt(to, { isLeftOut, isHeeded })).actions
  const actions = await Promise.resolve()
    .then(() => plan(before, after).actions)
    // CREATE FUNCTION does not check the body here, so leaving out what functions need breaks most circles.
    .catch(orElse(() => inAnyOrder(({ from: { kind } }) => kind !== 'function')))
    .catch(orElse(() => inAnyOrder(() => false)))
  return [...actions, ...setDomainDefaults(to, after)]
}

type Edge = FactBase['edges'][number]

/** Tries the next order if pg-delta found a circle; only the message of its error says that it did. */
function orElse<T>(next: () => Promise<T>): (error: unknown) => Promise<T> {
  return (error) => {
    if (error instanceof Error && error.message.startsWith('dependency cycle')) return next()
    throw error
  }
}

/** What is left of the facts: see `planStatements`. */
async function rebuilt(
  base: FactBase,
  {
    isLeftOut,
    isHeeded = () => true,
  }: { isLeftOut: (id: StableId) => boolean; isHeeded?: (edge: Edge) => boolean },
): Promise<FactBase> {
  const { buildFactBase } = await import('@supabase/pg-delta/core')
  const isKept = ({ id, parent }: { id: StableId; parent?: StableId }): boolean => {
    if (isLeftOut(id) || ('target' in id && isLeftOut(id.target))) return false
    const container = parent && base.get(parent)
    return container === undefined || isKept(container)
  }
  const isOfDefault = ({ from, to }: Edge) => from.kind === 'domain' && to.kind === 'function'
  return buildFactBase(
    base
      .facts()
      .filter(isKept)
      .map((fact) => (fact.id.kind === 'domain' ? bareDomain(base, fact) : fact)),
    base.edges.filter((edge) => !isOfDefault(edge) && (edge.kind !== 'depends' || isHeeded(edge))),
  )
}

type Fact = ReturnType<FactBase['facts']>[number]

/** The domain without its default, which comes later, and without a NOT NULL that is its own constraint (PostgreSQL 17). */
function bareDomain(base: FactBase, domain: Fact): Fact {
  const { notNull } = domain.payload
  const isNotNull = base.childrenOf(domain.id).some(({ payload }) => payload['def'] === 'NOT NULL')
  return {
    ...domain,
    payload: { ...domain.payload, default: null, notNull: isNotNull ? false : (notNull ?? false) },
  }
}

/** `ALTER DOMAIN public.key SET DEFAULT public.next_key()`, for each domain of `kept` that has a default in `all`. */
function setDomainDefaults(all: FactBase, kept: FactBase): PlannedStatement[] {
  return kept.facts().flatMap(({ id }) => {
    const expression = id.kind === 'domain' ? all.get(id)?.payload['default'] : undefined
    return id.kind === 'domain' && typeof expression === 'string'
      ? [{ sql: `ALTER DOMAIN ${qualified(id)} SET DEFAULT ${expression}`, produces: [], consumes: [id] }]
      : []
  })
}

type Query = (text: string) => Promise<{ rows: unknown[] }>

/** pg-delta takes a pool and opens a transaction; here the session and the transaction are the caller's. */
function poolOf(query: Query): Pool {
  const lent = {
    query: (text: string) =>
      /^(BEGIN|COMMIT|ROLLBACK)\b/.test(text) ? Promise.resolve({ rows: [] }) : query(text),
    release: () => undefined,
  }
  return { connect: () => Promise.resolve(lent) } as unknown as Pool
}
