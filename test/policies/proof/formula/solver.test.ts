import { describe, expect, it } from 'vitest'
import type { Solver } from '../../../../src/policies/proof/formula/solver.ts'
import { askSolver, solve, solvers } from '../../../../src/policies/proof/formula/solver.ts'

const impossible = '(declare-const a Bool)(assert (and a (not a)))(check-sat)'
const shell = (script: string): Solver => ({ name: 'shell', command: () => ['sh', '-c', script] })

describe('a solver in a process of its own', () => {
  it.each(solvers)('proves and refutes: $name', async (solver) => {
    expect(await askSolver(`(set-logic ALL)${impossible}`, solver)).toBe('proven')
    expect(await askSolver('(set-logic ALL)(declare-const a Bool)(assert a)(check-sat)', solver)).toBe(
      'refuted',
    )
  })

  it('is asked as far as there is one', async () => {
    expect(await solve(`(set-logic ALL)${impossible}`)).toBe('proven')
  })

  it.each([
    ['crashes', 'echo unsat; kill -9 $$'],
    ['ends with another code', 'echo unsat; exit 3'],
    ['is not there', 'exec no-such-solver'],
    ['says more than an answer', 'echo \'(error "line 1")\'; echo unsat'],
    ['says nothing', 'true'],
  ])('proves nothing if it %s', async (_, script) => {
    expect(await askSolver(impossible, shell(script))).toBe('unknown')
  })

  it('proves nothing if it hangs, and is ended', async () => {
    expect(await askSolver(impossible, shell('echo unsat; exec sleep 60'), { ms: 200 })).toBe('unknown')
  })

  it('proves nothing of a script with an error in it', async () => {
    for (const solver of solvers)
      expect(await askSolver('(set-logic ALL)(assert nobody)(assert false)(check-sat)', solver)).toBe(
        'unknown',
      )
  })
})
