import { expect, test } from 'vitest'
import type { LockWait } from '../../../src/catalog/lockWaits.ts'
import { blockerTrees, countWaiting } from '../../../src/operate/connections/blockerTree.ts'

test('a queue is a tree under the session that waits for nobody', () => {
  const [tree, ...others] = blockerTrees([wait(2, [1]), wait(3, [1, 2]), wait(4, [2])])
  expect(others).toEqual([])
  expect(tree).toMatchObject({
    pid: 1,
    wait: undefined,
    waiting: [{ pid: 2, waiting: [{ pid: 3 }, { pid: 4 }] }, { pid: 3 }],
  })
  expect(tree && countWaiting(tree)).toBe(3)
})

test('the queue with most sessions comes first', () => {
  expect(blockerTrees([wait(2, [1]), wait(12, [11]), wait(13, [11])]).map(({ pid }) => pid)).toEqual([11, 1])
})

test('sessions that wait for each other in a circle are shown once', () => {
  const trees = blockerTrees([wait(1, [2]), wait(2, [1])])
  expect(trees).toMatchObject([{ pid: 1, waiting: [{ pid: 2, waiting: [] }] }])
})

test('a prepared transaction has no session', () => {
  expect(blockerTrees([wait(7, [0])])).toMatchObject([{ pid: 0, waiting: [{ pid: 7 }] }])
})

function wait(pid: number, blockedBy: number[]): LockWait {
  return {
    ...{ pid, blockedBy, role: 'app', schema: 'public', relation: 't', rowOf: null },
    ...{ lockType: 'relation', mode: 'AccessShareLock', seconds: 1, blockerState: 'active' },
  }
}
