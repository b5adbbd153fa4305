import { expect, test } from 'vitest'
import { markdownTable } from '../../src/report/markdownTable.ts'

test('columns are padded, and numbers are right-aligned', () => {
  expect(markdownTable(['what', 'rows'], [['bookings', '12']], ['left', 'right'])).toBe(
    ['| what     | rows |', '| -------- | ---: |', '| bookings |   12 |'].join('\n'),
  )
})

test('no cell ends before its text does', () => {
  expect(markdownTable(['a'], [['x | y'], ['x \\| y'], ['x\n  y']])).toBe(
    ['| a      |', '| ------ |', '| x \\| y |', '| x \\| y |', '| x y    |'].join('\n'),
  )
})
