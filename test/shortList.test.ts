import { expect, test } from 'vitest'
import { shortList } from '../src/shortList.ts'

const names = (count: number) => Array.from({ length: count }, (_, at) => `n${at + 1}`)

test('a short list is whole', () => {
  expect(shortList([])).toBe('')
  expect(shortList(names(5))).toBe('n1, n2, n3, n4, n5')
})

test('a long list names five and counts the others', () => {
  expect(shortList(names(141))).toBe('n1, n2, n3, n4, n5 and 136 more')
  expect(shortList(names(2_005), '; ')).toBe('n1; n2; n3; n4; n5 and 2,000 more')
  expect(shortList(names(7), '\n  ')).toBe('n1\n  n2\n  n3\n  n4\n  n5\n  and 2 more')
})
