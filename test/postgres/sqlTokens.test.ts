import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sqlTokens } from '../../src/postgres/sqlTokens.ts'

it('loses nothing: the tokens joined are the text', () => {
  const piece = fc.constantFrom(
    `'`,
    `"`,
    '$$',
    '$a$',
    '--',
    '/*',
    '*/',
    '\n',
    'é',
    'E',
    '\\',
    ';',
    ' ',
    '$1',
    'x',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string())), (pieces) => {
      const text = pieces.join('')
      expect([...sqlTokens(text)].join('')).toBe(text)
    }),
  )
})
