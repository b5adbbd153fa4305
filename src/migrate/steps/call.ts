import type { Statement } from '../../syntax/statements.ts'
import { autocommitted } from './autocommitted.ts'
import type { Step } from './step.ts'

/** `CALL`: its procedure may commit, and is called again if it was cut off. */
export function call(statement: Statement): Step {
  return { ...autocommitted(statement), isLasting: true, commitsInParts: true }
}
