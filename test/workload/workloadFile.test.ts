import { describe, expect, it } from 'vitest'
import { parseWorkload } from '../../src/workload/workloadFile.ts'

describe('parseWorkload', () => {
  it('reads everything that a file may say about a statement', () => {
    const [statement] = parseWorkload(`
-- name: search_city
-- calls: 12000
-- types: int, numeric(10, 2)
-- args: 35, 1.5
-- args: greatest(1, 2), 0
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64"}
SELECT * FROM listings WHERE city_id = $1 AND price > $2;
`)
    expect(statement).toEqual({
      name: 'search_city',
      line: 9,
      calls: 12000,
      types: ['int', 'numeric(10, 2)'],
      args: [
        ['35', '1.5'],
        ['greatest(1, 2)', '0'],
      ],
      role: 'authenticated',
      claims: { sub: '0186d86f-d865-e372-056b-57eab3d5ae64' },
      sql: 'SELECT * FROM listings WHERE city_id = $1 AND price > $2',
    })
  })

  it('names a statement by its line where the file does not, and counts it once', () => {
    expect(parseWorkload('SELECT 1;\n\n  SELECT 2')).toMatchObject([
      { name: 'statement at line 1', calls: 1, types: [], args: [[]], role: undefined, claims: undefined },
      { name: 'statement at line 3', sql: 'SELECT 2' },
    ])
  })

  it.each([
    [`SELECT ';' , 'it''s;'`],
    [String.raw`SELECT E'\';'`],
    ['SELECT 1 AS "a;b"'],
    ['SELECT $$;$$, $a$ $$;$$ $a$'],
    ['SELECT 1 /* ; /* ; */ ; */ + 2'],
    ['SELECT 1 -- ; not the end\n+ 2'],
    ['SELECT a$b$ FROM t WHERE c = $1 AND d = $2'],
  ])('knows which semicolon ends %s', (sql) => {
    expect(parseWorkload(`${sql};\nSELECT 2;`).map((statement) => statement.sql)).toEqual([sql, 'SELECT 2'])
  })

  it('leaves other comments alone, above a statement and within', () => {
    const [statement, ...rest] = parseWorkload(
      '-- Search: by city.\n/* -- calls: 5 */\nSELECT 1 -- calls: 7\n;',
    )
    expect(statement).toMatchObject({ calls: 1, line: 3, sql: 'SELECT 1 -- calls: 7' })
    expect(rest).toEqual([])
  })

  it('separates arguments at commas, but not within quotes, brackets and dollar quotes', () => {
    const [statement] = parseWorkload(
      `-- args: 'a,b', array['x', 'y'], $$1,2$$, '{"a": 1, "b": 2}'\nSELECT $1;`,
    )
    expect(statement?.args).toEqual([[`'a,b'`, `array['x', 'y']`, '$$1,2$$', `'{"a": 1, "b": 2}'`]])
  })

  it('finds nothing in an empty file, in blank ones and in comments', () => {
    expect(['', ' \n\t', '-- only words', ';;', '/* open'].flatMap(parseWorkload)).toEqual([])
  })

  it('reads files with Windows line ends', () => {
    expect(parseWorkload('-- name: a\r\n-- calls: 2\r\nSELECT 1;\r\n')).toMatchObject([
      { name: 'a', calls: 2, line: 3, sql: 'SELECT 1' },
    ])
  })

  it.each([
    ['-- calls: often\nSELECT 1;', 'Workload line 1, statement at line 2: `calls` is "often".'],
    ['-- calls: -1\nSELECT 1;', 'Workload line 1, statement at line 2: `calls` is "-1".'],
    ['\n-- name: a\n-- claims: {sub}\nSELECT 1;', 'Workload line 3, a: `claims` is no JSON object.'],
    ['-- name: a\n-- claims: [1]\nSELECT 1;', 'Workload line 2, a: `claims` is no JSON object.'],
    [
      '-- name: a\n-- types: int\n-- args: 1, 2\nSELECT $1;',
      'Workload line 3, a: `args` has 2 expressions and `types` has 1.',
    ],
    ['-- name: a\n-- role: anon\n-- role: b\nSELECT 1;', 'Workload line 3, a: `role` is given twice.'],
    [
      '-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;',
      'Workload line 4, a: the statement at line 2 has the same name.',
    ],
  ])('refuses %j by name and line', (text, message) => {
    expect(() => parseWorkload(text)).toThrow(message)
  })
})
