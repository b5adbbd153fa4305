import { expect, test } from 'vitest'
import { textTable, wrap } from '../../src/report/textTable.ts'

test('a line breaks at spaces, and within a word only where that is longer than a line', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
  expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij'])
  expect(wrap('a abcdefgh b', 4)).toEqual(['a', 'abcd', 'efgh', 'b'])
  expect(wrap('', 4)).toEqual([''])
})

test('rows of one line have no rule between them, and no cell moves the cursor', () => {
  const table = textTable(
    [
      { title: 'name', width: 12 },
      { title: 'size', align: 'right' },
    ],
    [
      ['a', '8 kB'],
      ['b\u001b[31m', '12 kB'],
    ],
  )
  expect(table.split('\n')).toHaveLength(5)
  expect(table).not.toContain('\u001b[31m')
  expect(textTable([{ title: 'name', width: 4 }], [['one two'], ['three']]).split('\n')).toHaveLength(9)
})
