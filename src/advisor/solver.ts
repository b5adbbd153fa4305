import type { Highs } from 'highs'
import { UsageError } from '../errors.ts'
import { errorCode } from '../postgres/sqlState.ts'

/**
 * The solver, loaded when it is first needed: it is a program of four megabytes.
 *
 * @throws UsageError where it was left out of the install
 */
export async function loadSolver(): Promise<Highs> {
  try {
    const { default: load } = await import('highs')
    // Its types say that it is an ES module, where it is a CommonJS one.
    return await (load as unknown as () => Promise<Highs>)()
  } catch (error) {
    if (errorCode(error) !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new UsageError(
      'The solver that chooses indexes, highs, is not installed.',
      'Install without --omit=optional where indexes are chosen.',
      { cause: error },
    )
  }
}
