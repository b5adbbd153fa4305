import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { calmMean } from '../partition/calmMean.ts'
import type { Bench } from './bench.ts'
import { benchRow } from './bench.ts'

const rounds = 21
const atMost = 1.1

/** The time to start the program: a whole `--help`, of plain node-pg-migrate and of ours. */
export const startupBench: Bench = {
  id: 'startup',
  title: 'Start of the program',
  run({ onStep }) {
    const theirs = join(
      dirname(createRequire(import.meta.url).resolve('node-pg-migrate/package.json')),
      'bin/node-pg-migrate.js',
    )
    const ours = fileURLToPath(new URL('../../scripts/hundredfold.mjs', import.meta.url))
    const plain: number[] = []
    const own: number[] = []
    // The first round compiles what has changed and fills the disk's cache; it is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      onStep(`round ${round} of ${rounds}`)
      plain.push(timeHelp(theirs))
      own.push(timeHelp(ours))
    }
    const before = calmMean(plain.slice(1))
    const after = calmMean(own.slice(1))
    const row = benchRow({
      id: 'startup',
      title: '--help: plain node-pg-migrate, then hundredfold',
      claim: `at most ${atMost} times as long`,
      before,
      after,
      unit: 'ms',
      met: after <= atMost * before,
      how: `the whole process, Node itself included; mean of the quicker half of ${rounds} runs in turn`,
    })
    return Promise.resolve([row])
  },
}

function timeHelp(program: string): number {
  const started = performance.now()
  const { status } = spawnSync(process.execPath, [program, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  if (status !== 0) throw new Error(`${program} --help ended with ${status}.`)
  return performance.now() - started
}
