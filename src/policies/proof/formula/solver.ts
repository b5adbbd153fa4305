import { spawn } from 'node:child_process'

/** What a solver says of a script: unsatisfiable is proven, a model refutes, and everything else is unknown. */
export type Answer = 'proven' | 'refuted' | 'unknown'

/** A solver that is a program of its own. */
export interface Solver {
  name: string
  /** The program and its arguments; the script comes on standard input. */
  command: (limits: Limits) => [string, ...string[]]
}

/** What a solver may take. */
export interface Limits {
  ms: number
  megabytes: number
}

const defaults: Limits = { ms: 2_000, megabytes: 400 }

/** Solvers that are asked if they are on PATH, in this order. */
export const solvers: readonly Solver[] = [
  {
    name: 'z3',
    command: ({ ms, megabytes }) => ['z3', '-in', '-smt2', `-t:${ms}`, `-memory:${megabytes}`],
  },
  {
    name: 'cvc5',
    command: ({ ms }) => ['cvc5', '--lang=smt2', `--tlimit=${ms}`, '--full-saturate-quant', '-'],
  },
]

/**
 * Asks one solver in a process of its own, which is ended when its time is over. A crash, an error, a limit that it
 * meets or a program that is not there is no proof: the answer is `unknown`.
 */
export async function askSolver(
  script: string,
  solver: Solver,
  limits: Partial<Limits> = {},
): Promise<Answer> {
  const all = { ...defaults, ...limits }
  const [program, ...args] = solver.command(all)
  const output = await run(limited(program, args, all), script, all.ms * 2 + 500)
  const lines = output.trim().split('\n')
  // With an error in the script the answer would be to another question.
  if (lines.length !== 1) return 'unknown'
  return lines[0] === 'unsat' ? 'proven' : lines[0] === 'sat' ? 'refuted' : 'unknown'
}

/** Asks the solvers that are there until one of them knows. */
export async function solve(script: string, limits: Partial<Limits> = {}): Promise<Answer> {
  for (const solver of solvers) {
    const answer = await askSolver(script, solver, limits)
    if (answer !== 'unknown') return answer
  }
  return 'unknown'
}

/** The program under a limit of the system for its memory, besides its own. */
function limited(program: string, args: string[], { megabytes }: Limits): [string, ...string[]] {
  const kilobytes = (megabytes + 80) * 1024
  return ['sh', '-c', `ulimit -v ${kilobytes} && exec "$0" "$@"`, program, ...args]
}

async function run([program, ...args]: [string, ...string[]], input: string, ms: number): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] })
    let output = ''
    const timer = setTimeout(() => {
      output = 'timeout'
      child.kill('SIGKILL')
    }, ms)
    const end = (text: string) => {
      clearTimeout(timer)
      resolve(text)
    }
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      if (output.length < 10_000) output += text
    })
    child.on('error', () => end(''))
    child.on('close', (code) => end(code === 0 || code === 1 ? output : ''))
    // A solver that ends before it has read everything says so by its answer.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}
