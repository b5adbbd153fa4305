import { expect, test } from 'vitest'
import { stepProgress } from '../../src/cli/stepProgress.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

test('the time that is left in a step follows from its parts that are done', () => {
  const lines: string[] = []
  let now = 0
  const terminal = { progress: (text: string) => lines.push(text) } as unknown as Terminal
  const show = stepProgress(terminal, () => now)
  show('copying')
  show('planning 1 of 10: a', { done: 0, of: 10 })
  now = 500
  show('planning 2 of 10: b', { done: 1, of: 10 })
  now = 4_000
  show('planning 5 of 10: e', { done: 4, of: 10 })
  now = 9_000
  show('planning 10 of 10: j', { done: 9, of: 10 })
  show('choosing')
  show('comparing 1 of 3', { done: 0, of: 3 })
  now = 80_000
  show('comparing 2 of 3', { done: 1, of: 3 })
  expect(lines).toEqual([
    'copying',
    'planning 1 of 10: a',
    'planning 2 of 10: b',
    'about 6 s left: planning 5 of 10: e',
    'about 1 s left: planning 10 of 10: j',
    'choosing',
    'comparing 1 of 3',
    'about 2 min 22 s left: comparing 2 of 3',
  ])
})
