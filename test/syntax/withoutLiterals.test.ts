import { expect, test } from 'vitest'
import { messageWithoutValues, withoutLiterals } from '../../src/syntax/withoutLiterals.ts'

test.each([
  [`(o.mail = 'ann@example.org'::text)`, '(o.mail = …::text)'],
  [`(o.tags && '{a,b}'::text[]) AND (o.n > 4.50)`, '(o.tags && …::text[]) AND (o.n > …)'],
  [
    `(o.a = ANY ('{1,2}'::integer[])) OR (o.b1 < '-7'::integer)`,
    '(o.a = ANY (…::integer[])) OR (o.b1 < …::integer)',
  ],
  [
    '(o.paid = true) AND (hashed SubPlan 12).col1 AND ($3 = o.id)',
    '(o.paid = …) AND (hashed SubPlan 12).col1 AND ($3 = o.id)',
  ],
  [`SELECT 1e10, 0xFF, 1.5e-3, E'a\\'b', $x$ secret $x$, U&'\\0061'`, 'SELECT …, …, …-…, …, …, U&…'],
  [`SELECT "a 1" -- of user 77\n/* session 88 */ FROM t1`, 'SELECT "a 1"  \n  FROM t1'],
  [`SELECT 'it''s', x'1F', interval '1 day'`, 'SELECT …, x…, interval …'],
])('%s', (text, expected) => {
  expect(withoutLiterals(text)).toBe(expected)
})

test.each([
  ['relation "public.nowhere" does not exist', 'relation "public.nowhere" does not exist'],
  ['permission denied to set role "app"', 'permission denied to set role "app"'],
  ['invalid input syntax for type integer: "a "b" c"', 'invalid input syntax for type integer: …'],
  ['value "99999999999" is out of range for type integer', 'value … is out of range for type integer'],
])('a message without values: %s', (message, expected) => {
  expect(messageWithoutValues(message)).toBe(expected)
})
