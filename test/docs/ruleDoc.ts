import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { levels } from '../../src/rules/rule.ts'
import type { Level } from '../../src/rules/rule.ts'
import type { RuleName } from '../../src/rules/ruleNames.ts'

/** What the source of a rule says about it. */
export interface RuleDoc {
  /** Its doc comment without the SQL: why it matters. */
  why: string
  /** The levels that its findings may have, the least severe first. */
  levels: Level[]
}

const folder = fileURLToPath(new URL('../../src/rules', import.meta.url))
/** The findings of some rules are made in a file that they share. */
const shared = /from '\.\/(policyFindings|heavyStatements|horizonFindings|memoryReviews)\.ts'/g

/** Reads the doc comment above `export const jsonColumn` in `jsonColumn.ts`, for the rule `json_column`. */
export function readRuleDoc(rule: RuleName): RuleDoc {
  const stem = rule.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((path) =>
    path.endsWith(`/${stem}.ts`),
  )
  if (!file) throw new Error(`no file of src/rules is called ${stem}.ts`)
  const source = readFileSync(join(folder, file), 'utf8')
  const above = source.slice(0, source.indexOf(`export const ${stem}`))
  const own = [source, ...sharedBy(source, join(folder, file, '..'))].join('\n')
  return {
    why: prose(above.slice(above.lastIndexOf('/**'), above.lastIndexOf('*/'))),
    levels: levels.filter((level) => own.includes(`'${level}'`)),
  }
}

function sharedBy(source: string, directory: string): string[] {
  return Array.from(source.matchAll(shared), ([, name]) =>
    readFileSync(join(directory, `${name ?? ''}.ts`), 'utf8'),
  )
}

/** The paragraphs of a comment; its SQL is left out, since the page has SQL that is tried. */
function prose(comment: string): string {
  return comment
    .replace('/**', '')
    .replaceAll(/^ *\* ?/gm, '')
    .replaceAll(/```[^]*?```/g, '')
    .replaceAll(/\n{2,}/g, '\n\n')
    .trim()
}
