import { expect, test } from 'vitest'
import { columnsOf, parseTagTemplate } from '../../src/operations/tagTemplate.ts'

test('a tag is its name and the columns after it', () => {
  expect(parseTagTemplate('professional:{id}').parts).toEqual([{ text: 'professional:' }, { column: 'id' }])
  expect(parseTagTemplate('city:{City Id}/{day}!').parts).toEqual([
    { text: 'city:' },
    { column: 'City Id' },
    { text: '/' },
    { column: 'day' },
    { text: '!' },
  ])
  expect(parseTagTemplate('professionals').parts).toEqual([{ text: 'professionals' }])
  expect(columnsOf([parseTagTemplate('a{x}{y}'), parseTagTemplate('b{y}')])).toEqual(['x', 'y'])
})

test.each([
  ['{id}', 'no name before its first brace'],
  [' {id}', 'no name before its first brace'],
  ['', 'no name before its first brace'],
  ['a{id', 'a brace without its other half'],
  ['a}id{', 'a brace without its other half'],
  ['aid}', 'a brace without its other half'],
  ['a{{id}}', 'a brace without its other half'],
  ['a{id}}', 'a brace without its other half'],
  ['a{}', 'no column between its braces'],
  ['*', 'stands for every tag'],
])('%j is refused: %s', (text, reason) => {
  expect(() => parseTagTemplate(text)).toThrow(reason)
})
