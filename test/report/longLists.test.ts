import { expect, test } from 'vitest'
import { planMarkdown } from '../../src/report/planMarkdown.ts'
import { proofText } from '../../src/report/proofText.ts'

const many = Array.from({ length: 141 }, (_, at) => at + 1)

test('a plan of the wrong directory names five of the missing files, and says where all are listed', () => {
  const drift = many.map((number) => ({ name: `m${number}`, state: 'missing' as const }))
  const text = planMarkdown({ migrations: [], drift, notCopied: [] })
  expect(text).toContain('`migrate status` names all.\n\n- m1 is missing\n- m2 is missing\n')
  expect(text).toContain('\n- m5 is missing\n- and 136 more\n')
  expect(text).not.toContain('m6')
})

test('a plan and a proof name only some of what the shadow lacks', () => {
  const notCopied = many.map((number) => ({ object: `server s${number}`, reason: 'holds a password' }))
  const plan = planMarkdown({ migrations: [], drift: [], notCopied })
  expect(plan).toContain('\n- server s5: holds a password\n- and 136 more\n')
  const proof = proofText({ migrations: [], notCopied })
  expect(proof).toContain('\n    server s5: holds a password\n    and 136 more\n')
})

test('a proof names only some of the differences that a migration leaves behind', () => {
  const difference = many.map((number) => `table t${number} is there`)
  const proof = proofText({
    migrations: [{ name: 'm', reversible: false, proven: true, difference }],
    notCopied: [],
  })
  expect(proof).toBe(
    `✘ m  not reversible\n${many
      .slice(0, 5)
      .map((number) => `    table t${number} is there\n`)
      .join('')}    and 136 more\n`,
  )
})
