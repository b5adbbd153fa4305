import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { withRulesTable } from '../../src/report/rulesTable.ts'
import { rules } from '../../src/rules/index.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/rules.md', import.meta.url)), 'utf8')

test('the table of rules in docs/rules.md is the one that the code makes; `npm run rules-table` writes it', () => {
  expect(withRulesTable(page, rules)).toBe(page)
})

test('every rule is listed once', () => {
  for (const { name } of rules) expect(page.split(`| \`${name}\` `).length, name).toBe(2)
})

test('a page without the markers is left alone', () => {
  expect(withRulesTable('# Something else', rules)).toBeUndefined()
})
