import fc from 'fast-check'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { junitDocument } from '../../../src/report/diagnosis/junit.ts'
import { startBrowser } from '../../support/browser.ts'
import { engineIsMissing } from '../../support/engines.ts'
import { makeReport, reports } from './forTools.ts'

const finding = {
  ...{ rule: 'unused_index', level: 'warn' as const, subject: ['public', 'a'], detail: 'A < B & C.' },
  ...{ evidence: [], key: 'unused_index public.a', remedy: { kind: 'none' as const, title: 'Drop it.' } },
}

test('a rule is a test case: failed with its findings, passed, skipped with the reason, or not finished', () => {
  const report = makeReport([finding], { database: 'app', reason: 'no "rights"' })
  expect(junitDocument(report, { isFailure: () => true })).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1" errors="1" skipped="1">
  <testsuite name="hundredfold app" tests="4" failures="1" errors="1" skipped="1" timestamp="2026-11-24T15:00:00">
    <testcase classname="hundredfold" name="unused_index">
      <failure message="1 finding">warn: A &lt; B &amp; C.
  Drop it.</failure>
    </testcase>
    <testcase classname="hundredfold" name="no_primary_key"/>
    <testcase classname="hundredfold" name="table_bloat">
      <skipped message="no &quot;rights&quot;"/>
    </testcase>
    <testcase classname="hundredfold" name="slow_query">
      <error message="no &quot;rights&quot;"/>
    </testcase>
  </testsuite>
</testsuites>
`)
})

test('what does not count as a failure is in the output of a case that passed', () => {
  const report = makeReport([finding], { database: 'app', reason: '' })
  const document = junitDocument(report, { isFailure: () => false })
  expect(document).toContain('failures="0"')
  expect(document).toContain('<system-out>warn: A &lt; B &amp; C.')
})

describe.skipIf(engineIsMissing('chromium'))('read by an XML parser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser.close())

  test('whatever the names are, it is well-formed and has every case', async () => {
    const made = fc.sample(reports, 1_000)
    const documents = made.map((report) =>
      junitDocument(report, { isFailure: ({ level }) => level !== 'info' }),
    )
    const page = await browser.newPage()
    const parse = `(document) => {
      const parsed = new DOMParser().parseFromString(document, 'application/xml')
      return {
        tests: parsed.documentElement.getAttribute('tests'),
        cases: parsed.querySelectorAll('testcase').length,
        failures: parsed.querySelectorAll('failure').length,
        broken: parsed.querySelector('parsererror') !== null,
      }
    }`
    const read = await page.evaluate<{ tests: string; cases: number; failures: number; broken: boolean }[]>(
      `${JSON.stringify(documents)}.map(${parse})`,
    )
    for (const [at, { tests, cases, failures, broken }] of read.entries()) {
      expect(broken, documents[at]).toBe(false)
      expect(cases).toBe(Number(tests))
      const isFailure = made[at]?.findings.some(({ level }) => level !== 'info') === true
      expect(failures > 0).toBe(isFailure)
    }
    await page.close()
  })
})
