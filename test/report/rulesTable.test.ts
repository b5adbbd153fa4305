import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { withRulesTable } from '../../src/report/rulesTable.ts'
import { rules } from '../../src/rules/index.ts'

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')

test('the table of rules in the README is the one that the code makes; `npm run rules-table` writes it', () => {
  expect(withRulesTable(readme, rules)).toBe(readme)
})

test('every rule stands there, each once', () => {
  for (const { name } of rules) expect(readme.split(`| \`${name}\` `).length, name).toBe(2)
})

test('a README without the place is not touched', () => {
  expect(withRulesTable('# Something else', rules)).toBeUndefined()
})
