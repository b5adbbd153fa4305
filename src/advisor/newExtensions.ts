import type { ClientBase } from 'pg'
import type { InstallableExtension } from '../catalog/extensions.ts'
import { listInstallable, listOperatorClasses } from '../catalog/extensions.ts'
import { borrow } from '../postgres/database.ts'
import { quote } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { isConnectionLost } from '../postgres/sqlState.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Candidate } from './candidates.ts'

/** An extension that an index would need and that the source does not have yet. */
export interface NewExtension extends InstallableExtension {
  /** Qualified: `public.gin_trgm_ops`. */
  operatorClasses: string[]
}

/** Extensions with operator classes for operators that no built-in class serves, and how a statement shows such an operator. */
const helpful: Record<string, RegExp> = { pg_trgm: /\bi?like\b|~/i }

/**
 * Installs in the shadow what might help the statements and what the source offers, so that candidates can use it.
 *
 * @param session of the shadow, as its administrator
 */
export async function offerExtensions(
  source: ClientBase,
  session: ClientBase,
  workload: readonly WorkloadStatement[],
): Promise<NewExtension[]> {
  const names = Object.keys(helpful).filter((name) => workload.some(({ sql }) => helpful[name]?.test(sql)))
  if (names.length === 0) return []
  const offered: NewExtension[] = []
  for (const extension of await readOnly(source, () => listInstallable(borrow(source), names))) {
    const { name, schema } = extension
    try {
      await session.query(`CREATE EXTENSION ${quote(name)} SCHEMA ${quote(schema)}`)
      offered.push({ ...extension, operatorClasses: await listOperatorClasses(borrow(session), name) })
    } catch (error) {
      // The shadow may lack it, or its schema: then there are no candidates with it.
      if (isConnectionLost(error)) throw error
    }
  }
  return offered
}

/** The extension that the candidate's keys need, if it is a new one. */
export function extensionOf({ keys }: Candidate, offered: readonly NewExtension[]): NewExtension | undefined {
  return offered.find(({ operatorClasses }) =>
    operatorClasses.some((name) => keys.some((key) => key.endsWith(` ${name}`))),
  )
}
