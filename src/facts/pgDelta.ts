import type { Diagnostic, FactBase, StableId } from '@supabase/pg-delta'
import type { ClientBase, Pool } from 'pg'

export type { FactBase, StableId }

/** What pg-delta read: its facts, and what it says it could not read or does not model. */
export interface Facts {
  base: FactBase
  /** Of the server: 14 to 18. */
  majorVersion: number
  diagnostics: Diagnostic[]
}

/**
 * Reads every object that pg-delta models, on a client whose transaction somebody else has opened.
 * The only module that imports the package; it is loaded on first use, so that commands which do not
 * need it start quickly.
 */
export async function readFacts(client: ClientBase): Promise<Facts> {
  const { extract } = await import('@supabase/pg-delta/extract')
  const { factBase, pgVersion, diagnostics } = await extract(poolOf(client))
  return { base: factBase, majorVersion: Number.parseInt(pgVersion), diagnostics }
}

/** One statement of a plan, and the objects that it makes and needs. */
export interface PlannedStatement {
  sql: string
  produces: StableId[]
  consumes: StableId[]
}

/**
 * The ordered statements that turn the database of `from` into the one of `to`, as if neither had the
 * objects that `isLeftOut` names, nor anything that belongs to one of them.
 */
export async function planStatements(
  from: FactBase,
  to: FactBase,
  isLeftOut: (id: StableId) => boolean,
): Promise<PlannedStatement[]> {
  const { plan } = await import('@supabase/pg-delta/plan')
  const [before, after] = await Promise.all([without(from, isLeftOut), without(to, isLeftOut)])
  return plan(before, after).actions
}

async function without(base: FactBase, isLeftOut: (id: StableId) => boolean): Promise<FactBase> {
  const { buildFactBase } = await import('@supabase/pg-delta/core')
  const isKept = ({ id, parent }: { id: StableId; parent?: StableId }): boolean => {
    if (isLeftOut(id) || ('target' in id && isLeftOut(id.target))) return false
    const container = parent && base.get(parent)
    return container === undefined || isKept(container)
  }
  return buildFactBase(base.facts().filter(isKept), [...base.edges])
}

/** pg-delta takes a pool and brackets its work in a transaction; here both are the caller's. */
function poolOf(client: ClientBase): Pool {
  const lent = {
    query: (text: string) =>
      /^(BEGIN|COMMIT|ROLLBACK)\b/.test(text) ? Promise.resolve({ rows: [] }) : client.query(text),
    release: () => undefined,
  }
  return { connect: () => Promise.resolve(lent) } as unknown as Pool
}
