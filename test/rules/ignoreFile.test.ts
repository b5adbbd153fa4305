import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readIgnoreFile } from '../../src/rules/ignoreFile.ts'
import { applyIgnoreFile } from '../../src/diagnose/applyIgnoreFile.ts'
import type { ReportFinding } from '../../src/diagnose/report.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ignore-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function read(text: string) {
  const path = join(folder, 'ignore.yaml')
  await writeFile(path, text)
  return readIgnoreFile(path)
}

function finding(...subject: string[]): ReportFinding {
  return {
    key: `unused_index ${subject.join('.')}`,
    rule: 'unused_index',
    level: 'warn',
    subject,
    detail: '',
    evidence: [],
    remedy: { kind: 'none', title: '' },
  }
}

const today = new Date('2026-11-24T12:00:00Z')
const ran = (): boolean => true

test('no file ignores nothing', async () => {
  expect(await readIgnoreFile(join(folder, 'absent.yaml'))).toEqual([])
  expect(await read('')).toEqual([])
})

test('an entry takes out the findings that it names, and keeps the reason', async () => {
  const entries = await read(`
- rule: unused_index
  subject: public.a_*
  reason: needed once a year
  expires: 2026-11-24
`)
  const { findings, ignored } = applyIgnoreFile(
    entries,
    [finding('public', 'a_idx'), finding('public', 'b_idx'), finding('other', 'a_idx')],
    { today, ran },
  )
  expect(findings.map(({ key }) => key)).toEqual(['unused_index public.b_idx', 'unused_index other.a_idx'])
  expect(ignored).toEqual([
    { key: 'unused_index public.a_idx', reason: 'needed once a year', expires: '2026-11-24' },
  ])
})

test('a dot in a pattern is a dot', async () => {
  const entries = await read('[{ rule: unused_index, subject: public.a, reason: because }]')
  expect(applyIgnoreFile(entries, [finding('publicxa')], { today, ran }).ignored).toEqual([])
})

test('an expired entry ignores nothing and is a finding itself', async () => {
  const entries = await read('[{ rule: unused_index, subject: "*", reason: for now, expires: 2026-11-23 }]')
  const { findings, ignored } = applyIgnoreFile(entries, [finding('public', 'a')], { today, ran })
  expect(ignored).toEqual([])
  expect(findings.map(({ rule, level }) => [rule, level])).toEqual([
    ['unused_index', 'warn'],
    ['ignore_entry', 'warn'],
  ])
  expect(findings[1]?.detail).toContain('expired on 2026-11-23')
})

test('an entry that names nothing is a finding, unless its rule did not run', async () => {
  const entries = await read('[{ rule: unused_index, subject: public.gone, reason: because }]')
  expect(applyIgnoreFile(entries, [], { today, ran }).findings[0]?.detail).toContain('names no finding')
  expect(applyIgnoreFile(entries, [], { today, ran: () => false }).findings).toEqual([])
})

describe('a file with an error is refused, with the place of the error', () => {
  test.each([
    ['- rule: [', 'not valid YAML'],
    ['- rule: no_such_rule\n  subject: a\n  reason: b', 'entry 1, rule'],
    ['- rule: unused_index\n  subject: a', 'entry 1, reason'],
    ['- rule: unused_index\n  subject: a\n  reason: " "', 'entry 1, reason'],
    ['- rule: unused_index\n  subject: a\n  reason: b\n  expires: soon', 'entry 1, expires'],
    ['- rule: unused_index\n  subject: a\n  reason: b\n  expires: 2026-13-45', 'entry 1, expires'],
    ['- rule: unused_index\n  subject: a\n  reason: b\n  typo: c', 'entry 1'],
    ['rules: all', 'the file'],
  ])('%j', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message)
  })
})
