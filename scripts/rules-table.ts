// Writes the table of rules in docs/rules.md from the code: `npm run rules-table`.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { withRulesTable } from '../src/report/rulesTable.ts'
import { rules } from '../src/rules/index.ts'

const path = fileURLToPath(new URL('../docs/rules.md', import.meta.url))
const written = withRulesTable(readFileSync(path, 'utf8'), rules)
if (written === undefined) throw new Error('docs/rules.md has no place for the table of rules')
writeFileSync(path, written)
