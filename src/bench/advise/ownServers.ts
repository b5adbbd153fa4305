import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the servers that this process has started have used so far. */
export interface ServerUse {
  /** Processor time of all their processes, those that have ended included, in milliseconds. */
  cpuMs: number
  /** The most memory that they held at one time, in bytes; shared memory counts once. */
  peakBytes: number
}

const everyMs = 500
/** Of a clock tick, in which Linux counts processor time. */
const tickMs = 10

/**
 * Watches the servers that this process starts, as Linux tells of them. A server's last half a second is not seen.
 *
 * @returns ends the watch; undefined where the system has no /proc
 */
export function watchOwnServers(): () => ServerUse | undefined {
  const cpu = new Map<number, number>()
  let peakBytes = 0
  let isBusy = false
  const look = async (): Promise<void> => {
    if (isBusy) return
    isBusy = true
    try {
      let bytes = 0
      for (const postmaster of await ownPostmasters()) {
        const backends = await childrenOf(postmaster)
        const used = await Promise.all([
          cpuOf(postmaster, 'with those that have ended'),
          ...backends.map((backend) => cpuOf(backend, 'alone')),
        ])
        cpu.set(postmaster, Math.max(cpu.get(postmaster) ?? 0, sum(used)))
        bytes += sum(await Promise.all([postmaster, ...backends].map(bytesOf)))
      }
      peakBytes = Math.max(peakBytes, bytes)
    } finally {
      isBusy = false
    }
  }
  const timer = setInterval(() => void look(), everyMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    return cpu.size === 0 ? undefined : { cpuMs: sum([...cpu.values()]), peakBytes }
  }
}

/** A guardian stands beside each server; its first argument is the server's directory. */
async function ownPostmasters(): Promise<number[]> {
  const found: number[] = []
  for (const child of await childrenOf(process.pid)) {
    const [, program = '', directory = ''] = (await read(`/proc/${child}/cmdline`)).split('\0')
    if (!program.endsWith('guardian.mjs')) continue
    const pid = Number((await read(join(directory, 'data/postmaster.pid'))).split('\n')[0])
    if (pid > 0) found.push(pid)
  }
  return found
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = (await read(`/proc/${pid}/task/${pid}/children`)).trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

async function cpuOf(pid: number, which: 'alone' | 'with those that have ended'): Promise<number> {
  // The name before the last parenthesis may hold blanks; then come state, parent ... utime, stime, cutime, cstime.
  const fields = (await read(`/proc/${pid}/stat`)).split(') ').at(-1)?.split(' ').map(Number) ?? []
  return sum(fields.slice(11, which === 'alone' ? 13 : 15)) * tickMs
}

async function bytesOf(pid: number): Promise<number> {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(await read(`/proc/${pid}/smaps_rollup`))?.[1]
  return Number(kilobytes ?? 0) * 1024
}

/** A process may have ended meanwhile. */
async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
