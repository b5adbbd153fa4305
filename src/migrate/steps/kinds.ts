import type { Statement } from '../../syntax/statements.ts'
import { isCall, needsAutocommit } from '../statementKind.ts'
import { atomic } from './atomic.ts'
import { autocommitted } from './autocommitted.ts'
import { call } from './call.ts'
import { dropBuilt, indexBuild } from './indexBuild.ts'
import { indexDrop, rebuildDropped } from './indexDrop.ts'
import type { StepRecord } from './record.ts'
import type { Step, StepRun } from './step.ts'

/** Makes of each statement a step of the kind that knows most about it. */
export function stepsOf(statements: Statement[]): Step[] {
  return statements.map((statement) => {
    if (isCall(statement)) return call(statement)
    if (!needsAutocommit(statement)) return atomic(statement)
    return indexBuild(statement) ?? indexDrop(statement) ?? autocommitted(statement)
  })
}

/** Takes a step back by its record: the statement may be one of the other direction, which was cut off. */
export async function takeBackStep(record: StepRecord, run: StepRun): Promise<void> {
  switch (record.kind) {
    case 'indexBuild':
      return dropBuilt(record, run)
    case 'indexDrop':
      return rebuildDropped(record, run)
    case 'made':
      return
  }
}
