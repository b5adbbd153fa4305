import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { engines, isInstalled } from './engines.ts'

/**
 * The last lines of a run: which tests were skipped and why, and `N passed, N failed`. A test file, hook or
 * stray promise that fails outside any test counts as one failure, so no failure is ever counted as none.
 */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => Array.from(module.children.allTests()))
    const inState = (state: 'passed' | 'failed' | 'skipped'): TestCase[] =>
      tests.filter((test) => test.result().state === state)

    const skipped = inState('skipped')
    if (skipped.length > 0) {
      const missing = engines.filter((engine) => !isInstalled(engine))
      const because = missing.length > 0 ? `; not installed here: ${missing.join(', ')}` : ''
      print(`${skipped.length} skipped${because}`)
      if (missing.length > 0) print('scripts/install-test-engines.sh brings what is missing')
      for (const note of new Set(skipped.map(skipNote))) if (note) print(`skipped: ${note}`)
    }

    const outsideTests = modules.flatMap((module) => [module, ...module.children.allSuites()])
    const errors = outsideTests.reduce((sum, part) => sum + part.errors().length, unhandledErrors.length)
    print(`${inState('passed').length} passed, ${inState('failed').length + errors} failed`)
  }
}

function skipNote(test: TestCase): string | undefined {
  const result = test.result()
  return result.state === 'skipped' ? result.note : undefined
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
