import type { Statement } from '../../syntax/statements.ts'
import { isCall, needsAutocommit } from '../statementKind.ts'
import { atomic } from './atomic.ts'
import { autocommitted } from './autocommitted.ts'
import { batches } from './batches.ts'
import { call } from './call.ts'
import { dropBuilt, indexBuild } from './indexBuild.ts'
import { indexDrop, rebuildDropped } from './indexDrop.ts'
import { partitionDetach } from './partitionDetach.ts'
import type { StepRecord } from './record.ts'
import type { Step, StepRun } from './step.ts'

/** Turns each statement into a step of its most specific kind. */
export function stepsOf(statements: Statement[]): Step[] {
  return statements.map((statement, at) => {
    if (isCall(statement)) return call(statement)
    if (!needsAutocommit(statement)) return batches(statement, statements.slice(0, at)) ?? atomic(statement)
    return (
      indexBuild(statement) ?? partitionDetach(statement) ?? indexDrop(statement) ?? autocommitted(statement)
    )
  })
}

/** Takes a step back by its record, since its statement may belong to the other direction, which was cut off. */
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
