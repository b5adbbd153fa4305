import { expect, test } from 'vitest'
import { ConditionFailed } from '../../src/migrate/failures.ts'

test('if many conditions do not hold, the message has five and counts the others', () => {
  const conditions = Array.from({ length: 16 }, (_, at) => ({
    description: `table t${at + 1} exists`,
    phase: 'before' as const,
    holds: false,
    expected: 'a table',
    actual: 'no such table',
  }))
  const error = new ConditionFailed('20260101000000000_a', 'up', conditions, 'Nothing was changed.')
  expect(error.message).toContain('16 conditions do not hold')
  expect(error.message.split('\n')).toHaveLength(7)
  expect(error.message).toMatch(/\n {2}and 11 more$/)
  expect(error.details).toHaveLength(16)
})
