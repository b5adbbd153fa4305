import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Advice } from '../../src/advisor/advise.ts'
import { advise } from '../../src/advisor/advise.ts'
import type { Explanation } from '../../src/advisor/explainIndex.ts'
import { explainIndex } from '../../src/advisor/explainIndex.ts'
import { nameOf } from '../../src/advisor/decision.ts'
import { findNamed, likeNames } from '../../src/advisor/namedIndex.ts'
import { numberIndexes } from '../../src/advisor/savings.ts'
import { loadSolver } from '../../src/advisor/solver.ts'
import { explainedLines } from '../../src/report/explanation.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'

const workload = parseWorkload(`
  -- name: of_customer
  -- calls: 500
  SELECT * FROM orders WHERE customer = 77 ORDER BY made DESC LIMIT 10;
  -- name: add
  -- calls: 300
  INSERT INTO orders VALUES (0, 1, now(), 'open', 'n');`)

/** An index that would do, were there no better one. */
const candidate = 'public.orders USING btree (customer)'

describe('an explanation', { timeout: 120_000 }, () => {
  let database: TestDatabase
  let advice: Advice
  const explained = new Map<string, Explanation>()
  const overBudget = new Map<string, Explanation>()

  beforeAll(async () => {
    database = await createDatabase()
    const owner = await database.connect(database.ownerUrl)
    await owner.query(
      `CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, made timestamptz NOT NULL, status text, note text);
       INSERT INTO orders SELECT n, n % 100, timestamptz '2026-01-01' + n * interval '1 s', 'done', md5(n::text)
         FROM generate_series(1, 60000) n;
       CREATE INDEX orders_note_idx ON orders (note);
       ANALYZE orders`,
    )
    const highs = await loadSolver()
    advice = await advise(owner, workload, {
      inspect: async ({ decision, indexes }, whatIf) => {
        const [advised] = indexes
        const found = findNamed(decision, candidate)
        const note = findNamed(decision, 'orders_note_idx')
        if (!advised || found?.kind !== 'option' || note?.kind !== 'option') throw new Error('three indexes')
        for (const [name, of] of Object.entries({ advised, candidate: found.of, note: note.of })) {
          explained.set(name, await explainIndex({ highs, whatIf }, decision, of))
        }
        const budget = advised.bytes - 1
        const without = { ...decision, budget, chosen: decision.today }
        overBudget.set('advised', await explainIndex({ highs, whatIf }, without, advised))
      },
    })
  }, 120_000)
  afterAll(() => database.drop())

  const of = (name: string): Explanation => {
    const found = explained.get(name)
    if (!found) throw new Error(name)
    return found
  }

  test('of an advised index says what it serves, and what the best other choice costs', () => {
    const { subject, isChosen, exists, statements, opposite, neighbours } = of('advised')
    expect(nameOf(subject)).toMatch(/^ON public\.orders USING btree \(customer, made/)
    expect({ isChosen, exists }).toEqual({ isChosen: true, exists: false })
    expect(statements[0]).toMatchObject({ statement: { name: 'of_customer' } })
    expect(statements[0]?.alone).toBeLessThan((statements[0]?.today ?? 0) / 10)
    expect(subject.entries).toBe(300)
    expect(opposite?.cost).toBeGreaterThanOrEqual(0)
    expect(neighbours.map(({ index }) => nameOf(index))).toContain(`ON ${candidate}`)
  })

  test('of a candidate that was not chosen names the chosen one, which is better', () => {
    const { isChosen, neighbours, statements } = of('candidate')
    expect(isChosen).toBe(false)
    expect(statements.map(({ statement }) => statement.name)).toEqual(['of_customer'])
    expect(neighbours).toHaveLength(1)
    expect(neighbours[0]?.isChosen).toBe(true)
    expect(neighbours[0]?.instead?.share).toBeGreaterThan(0)
    const text = explainedLines({ kind: 'option', explanation: of('candidate') }, advice).join('\n')
    expect(text).toContain('a candidate that was not chosen')
    expect(text).toMatch(/\d % dearer/)
  })

  test('of an index to drop says what it costs writes', () => {
    const { exists, isChosen, opposite, subject } = of('note')
    expect({ exists, isChosen }).toEqual({ exists: true, isChosen: false })
    expect(opposite?.upkeep).toBeCloseTo(subject.upkeep)
    const [title, size, writes] = explainedLines({ kind: 'option', explanation: of('note') }, advice, 10)
    expect(title).toBe('public.orders_note_idx: it exists, and may be dropped.')
    expect(size).toMatch(/^Size: [\d.]+ MB\.$/)
    expect(writes).toContain('30 entries an hour')
  })

  test('says that a budget is too small for it', () => {
    const explanation = overBudget.get('advised')
    if (!explanation) throw new Error('none')
    expect(explanation.opposite).toBeUndefined()
    expect(explainedLines({ kind: 'option', explanation }, advice).join('\n')).toContain(
      'It is over the budget',
    )
  })

  test.each([
    candidate,
    'orders (customer)',
    'public.orders(customer);',
    'CREATE INDEX ON "public"."orders" USING btree (customer)',
    'create index concurrently some_name on orders using btree ("customer")',
  ])('finds a candidate by %s', (text) => {
    const found = findNamed(advice.decision, text)
    expect(found?.kind === 'option' && nameOf(found.of)).toBe(`ON ${candidate}`)
  })

  test.each([
    ['orders_note_idx', 'option'],
    ['public.orders_note_idx', 'option'],
    ['CREATE INDEX orders_note_idx ON public.orders USING btree (note)', 'option'],
    ['orders_pkey', 'fixed'],
  ])('finds an index that exists by %s', (text, kind) => {
    expect(findNamed(advice.decision, text)?.kind).toBe(kind)
  })

  test('says why an index that nobody decides about stays', () => {
    const found = findNamed(advice.decision, 'orders_pkey')
    if (!found || found.kind === 'option') throw new Error('not fixed')
    expect(explainedLines(found, advice)).toEqual([
      'public.orders_pkey: it stays, because a constraint needs it.',
    ])
  })

  test('knows the names that look most like an unknown one', () => {
    expect(findNamed(advice.decision, 'orders_notes_idx')).toBeUndefined()
    expect(likeNames(advice.decision, 'orders_notes_idx')[0]).toBe('public.orders_note_idx')
    expect(likeNames(advice.decision, 'orders (custmer)')[0]).toBe(`ON ${candidate}`)
  })

  test('advised indexes are numbered by what they save, which together is what all statements gain', () => {
    const numbered = numberIndexes(advice)
    expect(numbered.map(({ number }) => number)).toEqual(numbered.map((_, at) => at + 1))
    const gained = advice.statements.reduce(
      (sum, { statement, costBefore, costAfter }) => sum + statement.calls * (costBefore - costAfter),
      0,
    )
    expect(numbered.reduce((sum, { saves }) => sum + saves, 0)).toBeCloseTo(gained, 3)
  })
})
