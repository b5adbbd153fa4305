import type { Setting } from '../../catalog/settings.ts'
import { bytesOf } from '../../catalog/settings.ts'
import type { Level } from '../rule.ts'

/** What the settings of memory are judged by. */
export interface Memory {
  settings: Map<string, Setting>
  /** Of the machine; null where it is not known. Then only settings are compared with each other. */
  machineBytes: number | null
  /** Null where the role may not see it. */
  databaseBytes: number | null
  versionNumber: number
}

/** A setting of memory that should be another one. */
export interface MemoryProblem {
  level: Level
  problem: string
  value: string
}

const mebibyte = 1024 ** 2
const gibibyte = 1024 ** 3
/** PostgreSQL's default: whoever has more has decided by the machine. */
const defaultBuffers = 128 * mebibyte
/** "It is unlikely that an allocation of more than 40 % of RAM will work better than a smaller amount": the manual. */
const mostForBuffers = 0.4
const enoughForBuffers = 0.15
/** Buffers are a quarter of the memory by the rule of thumb, so this is twice the memory. */
const sortsPerBuffers = 8
const mostForMaintenance = 0.5

type Judge = (memory: Memory) => MemoryProblem | undefined

/** By setting. What cannot be judged without the machine's memory is not judged where it is unknown. */
const judges: Record<string, Judge> = {
  shared_buffers({ settings, machineBytes, databaseBytes }) {
    const buffers = sizeOf(settings, 'shared_buffers')
    if (buffers === undefined) return undefined
    const value = machineBytes === null ? 'a quarter of the memory' : `${megabytes(machineBytes / 4)}MB`
    if (machineBytes !== null && buffers > mostForBuffers * machineBytes) {
      const problem = `that is ${Math.round((100 * buffers) / machineBytes)} % of the machine's memory, and leaves little for sessions and the system's cache`
      return { level: 'warn', problem, value }
    }
    if (machineBytes !== null && buffers >= enoughForBuffers * machineBytes) return undefined
    if (buffers > defaultBuffers || (databaseBytes ?? 0) <= 4 * buffers) return undefined
    const problem = 'the database is more than four times as large as the cache, which is at most the default'
    return { level: 'warn', problem, value }
  },
  effective_cache_size({ settings, machineBytes }) {
    const cache = sizeOf(settings, 'effective_cache_size')
    if (cache === undefined) return undefined
    const value =
      machineBytes === null ? 'three quarters of the memory' : `${megabytes((machineBytes * 3) / 4)}MB`
    if (cache < (sizeOf(settings, 'shared_buffers') ?? 0)) {
      const problem = 'the planner is told of less cache than shared_buffers alone, and avoids indexes'
      return { level: 'warn', problem, value }
    }
    if (machineBytes === null || cache <= machineBytes) return undefined
    const problem = `the planner is told of more cache than the machine has memory (${gigabytes(machineBytes)})`
    return { level: 'warn', problem, value }
  },
  work_mem({ settings, machineBytes }) {
    const sort = sizeOf(settings, 'work_mem')
    const buffers = sizeOf(settings, 'shared_buffers')
    const sessions = Number(settings.get('max_connections')?.value)
    if (sort === undefined || buffers === undefined) return undefined
    const value = 'less for all, and more for the roles that need it'
    const all = `${gigabytes(sort * sessions)} where each of ${sessions} sessions sorts once`
    if (machineBytes === null) {
      if (buffers <= defaultBuffers || sort * sessions <= sortsPerBuffers * buffers) return undefined
      const times = Math.round((sort * sessions) / buffers)
      const problem = `that is ${all}, ${times} times shared_buffers; the machine's memory is not known`
      return { level: 'info', problem, value }
    }
    const needed = buffers + sort * sessions
    if (needed <= machineBytes) return undefined
    const problem = `that is ${all}, and with shared_buffers more than the machine has (${gigabytes(machineBytes)})`
    return { level: needed > 2 * machineBytes ? 'warn' : 'info', problem, value }
  },
  maintenance_work_mem({ settings, machineBytes, versionNumber }) {
    const each = sizeOf(settings, 'maintenance_work_mem')
    if (each === undefined) return undefined
    if (each < (sizeOf(settings, 'work_mem') ?? 0)) {
      const problem = 'an index build or a VACUUM gets less memory than one sort'
      return { level: 'info', problem, value: 'several times work_mem' }
    }
    if (machineBytes === null) return undefined
    // VACUUM takes no more than 1 GB before PostgreSQL 17, and what autovacuum_work_mem says where that is set.
    const vacuum = versionNumber < 170_000 ? Math.min(each, gibibyte) : each
    const isShared = settings.get('autovacuum_work_mem')?.value === '-1'
    const workers = isShared ? Number(settings.get('autovacuum_max_workers')?.value) : 0
    const needed = each + workers * vacuum
    if (needed <= mostForMaintenance * machineBytes) return undefined
    const problem = `an index build and ${workers} autovacuum workers may take ${gigabytes(needed)} of the machine's ${gigabytes(machineBytes)}`
    return { level: 'warn', problem, value: 'less, or set autovacuum_work_mem' }
  },
}

/** What is wrong with that setting; undefined where nothing is, and for a setting that is not about memory. */
export function reviewMemory(name: string, memory: Memory): MemoryProblem | undefined {
  return Object.hasOwn(judges, name) ? judges[name]?.(memory) : undefined
}

function sizeOf(settings: Map<string, Setting>, name: string): number | undefined {
  const setting = settings.get(name)
  return setting === undefined ? undefined : bytesOf(setting)
}

function megabytes(bytes: number): number {
  return Math.round(bytes / mebibyte)
}

function gigabytes(bytes: number): string {
  return `${(bytes / gibibyte).toFixed(1)} GB`
}
