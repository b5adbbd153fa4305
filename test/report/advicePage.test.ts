import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Advice } from '../../src/advisor/advise.ts'
import { advise } from '../../src/advisor/advise.ts'
import type { PlannedStatement } from '../../src/advisor/plannedStatement.ts'
import type { BothPlans } from '../../src/advisor/plansBothWays.ts'
import { planBothWays } from '../../src/advisor/plansBothWays.ts'
import { adviceDocument } from '../../src/report/advice.ts'
import type { Agreement } from '../../src/advisor/agreement.ts'
import { advicePage } from '../../src/report/advicePage.ts'
import { adviceLines } from '../../src/report/adviceText.ts'
import { parseWorkload } from '../../src/workload/workloadFile.ts'
import { accessibilityProblems, openFile, startBrowser } from '../support/browser.ts'
import type { TestDatabase } from '../support/database.ts'
import { createDatabase } from '../support/database.ts'
import { engineIsMissing } from '../support/engines.ts'

/** Values of rows, in the statistics and in the arguments of plans. */
const secrets = ['ann@example.org', 'Secret Street 7', '4711815']

const workload = parseWorkload(`
  -- name: <script>alert(1)</script>
  -- calls: 900
  -- types: text, int
  -- args: 'ann@example.org', 4711815
  SELECT p.id, o.made FROM people p JOIN orders o ON o.person = p.id
  WHERE p.mail = $1 AND o.price < $2 /* for Secret Street 7 */ ORDER BY o.made LIMIT 5;
  -- name: street
  -- calls: 20
  SELECT count(*) FROM people WHERE street = 'Secret Street 7' AND NOT EXISTS (SELECT FROM orders WHERE price = 4711815);
  -- name: all
  SELECT * FROM people;
  -- name: one
  SELECT * FROM people WHERE id = 1;
  -- name: two
  SELECT * FROM people WHERE id = 2;
  -- name: three
  UPDATE people SET street = 'Secret Street 7' WHERE id = 3;
  -- name: wrong
  SELECT 'Secret Street 7'::int;`)

let database: TestDatabase
let folder: string
let advice: Advice
let plans = new Map<PlannedStatement, BothPlans>()
let page: string

beforeAll(async () => {
  database = await createDatabase()
  const owner = await database.connect(database.ownerUrl)
  await owner.query(
    `CREATE TABLE people (id int PRIMARY KEY, mail text, street text);
     INSERT INTO people SELECT n, CASE n % 9 WHEN 0 THEN 'ann@example.org' ELSE md5(n::text) END,
       CASE n % 50 WHEN 0 THEN 'Secret Street 7' ELSE 'Road ' || n % 90 END FROM generate_series(1, 20000) n;
     CREATE TABLE orders (id int PRIMARY KEY, person int, price int, made timestamptz, note text);
     INSERT INTO orders SELECT n, n % 20000 + 1, CASE n % 40 WHEN 0 THEN 4711815 ELSE n END,
       timestamptz '2026-01-01' + n * interval '1 s', md5(n::text) FROM generate_series(1, 60000) n;
     CREATE INDEX orders_note_idx ON orders (note);
     ANALYZE people, orders`,
  )
  advice = await advise(owner, workload, {
    inspect: async ({ decision }, whatIf) => {
      plans = await planBothWays(whatIf, decision)
    },
  })
  page = advicePage(advice, { plans, takenAt: new Date('2026-11-30T00:00:00Z') })
  const doubtful = withAgreement({ sameShape: 1 })
  folder = await mkdtemp(join(tmpdir(), 'advice-'))
  await writeFile(join(folder, 'advice.html'), page)
  await writeFile(join(folder, 'doubtful.html'), advicePage(doubtful, { plans, takenAt: new Date() }))
}, 120_000)
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

function withAgreement(some: Partial<Agreement>): Advice {
  const { agreement } = advice
  if (!agreement) throw new Error('the shadow was not compared')
  return { ...advice, agreement: { ...agreement, ...some } }
}

test('the page shows each plan before and after, with the new indexes by their number', () => {
  expect(advice.indexes.length).toBeGreaterThan(0)
  expect(advice.drops.map(({ name }) => name)).toContain('orders_note_idx')
  expect(plans.size).toBe(6)
  expect(page).toContain('new index 1')
  expect(page).toContain('<h3>Before: cost')
  expect(page).toContain('<h3>After: cost')
  expect(page).toContain('public.orders_note_idx')
  expect(page).not.toContain('hundredfold_candidate')
})

test('no value of a row is on the page or in the document', () => {
  const document = JSON.stringify(adviceDocument(advice))
  for (const secret of secrets) {
    expect(page).not.toContain(secret)
    // The message about a statement of the user's own file repeats what is in it.
    if (secret !== 'Secret Street 7') expect(document).not.toContain(secret)
  }
})

test('every name is text, and the page names no address', () => {
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(page).not.toContain('<script>alert')
  expect(page).not.toMatch(/(src|href)="(?!#|data:)/)
  expect(page).not.toMatch(/@import|url\(|fetch\(|XMLHttpRequest/)
})

test('advice from plans that are not like those of the database says so before all else', () => {
  const doubtful = withAgreement({ compared: 10, sameShape: 8 })
  expect(adviceLines(doubtful)[0]).toMatch(/^DOUBTFUL ADVICE: .*8 of 10 plans have the same shape/)
  expect(adviceLines(advice)[0]).not.toContain('DOUBTFUL')
  expect(adviceDocument(doubtful)).toMatchObject({ agreement: { compared: 10, sameShape: 8, isLow: true } })
})

describe.skipIf(engineIsMissing('chromium'))('in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser.close())

  const readers = [1280, 390].flatMap((width) =>
    (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
  )
  test.each(
    ['advice.html', 'doubtful.html'].flatMap((file) => readers.map((reader) => ({ file, ...reader }))),
  )(
    '$file at $width pixels, $colorScheme: no error, no request, nothing wider than the window, accessible',
    async ({ file, ...reader }) => {
      const { page: opened, errors, requests } = await openFile(browser, join(folder, file), reader)
      await opened.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true })`)
      const width = await opened.evaluate<number>('document.documentElement.scrollWidth')
      expect(width).toBeLessThanOrEqual(reader.width)
      expect(await accessibilityProblems(opened)).toEqual([])
      expect(errors).toEqual([])
      expect(requests).toEqual([])
      await opened.context().close()
    },
  )

  test('the plans stand side by side where there is room, and below each other where there is none', async () => {
    const columns = async (width: number): Promise<number> => {
      const { page: opened } = await openFile(browser, join(folder, 'advice.html'), {
        width,
        colorScheme: 'light',
      })
      await opened.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true })`)
      const lefts = await opened.evaluate<number[]>(
        `[...document.querySelector('.plans').children].map((one) => one.getBoundingClientRect().left)`,
      )
      await opened.context().close()
      return new Set(lefts).size
    }
    expect(await columns(1280)).toBe(2)
    expect(await columns(390)).toBe(1)
  })
})
