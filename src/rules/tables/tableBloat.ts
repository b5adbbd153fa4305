import { display, qualified } from '../../postgres/identifiers.ts'
import type { TableBloat } from '../../catalog/bloat.ts'
import { hiddenFromRole, listTableBloat } from '../../catalog/bloat.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { targets } from '../../metrics/targets.ts'

/** Less is not worth a lock. */
const leastBytes = 8 * 1_048_576
const muchPercent = 40
const muchBytes = 256 * 1_048_576

/**
 * Tables with at least a fifth of the heap empty, beyond what the fillfactor keeps free. New rows fill the space, so it
 * matters if the table no longer grows or is read whole.
 *
 * ```sql
 * -- before: 218 MB, of which 40 % hold no row; VACUUM returns nothing of it
 * -- after VACUUM FULL or pg_repack: 131 MB
 * ```
 */
export const tableBloat: Rule = {
  name: 'table_bloat',
  finds: 'tables with at least a fifth of their space empty',
  cure: 'steps for pg_repack or VACUUM FULL, with the lock and the disk they need',
  async find(context) {
    const heaps = (await context.read(listTableBloat)).filter(
      ({ schema }) => !context.schemas || context.schemas.includes(schema),
    )
    const findings = heaps.flatMap(toFinding)
    const hidden = heaps.filter(({ how }) => how === hiddenFromRole)
    if (hidden.length > 0) {
      throw new CannotSee(
        `The role does not see the statistics of ${hidden.length} of ${heaps.length} tables; SELECT on them or pgstattuple would show it.`,
        findings,
      )
    }
    return findings
  },
}

function toFinding(heap: TableBloat): Violation[] {
  const { bloatPercent, wastedBytes, kind } = heap
  if (bloatPercent === null || wastedBytes === null || kind === 'unknown') return []
  if (bloatPercent < targets.free_space || wastedBytes < leastBytes) return []
  const isMuch = bloatPercent >= muchPercent || wastedBytes >= muchBytes
  const wasted = megabytes(wastedBytes)
  return [
    {
      level: isMuch ? 'warn' : 'info',
      subject: [heap.schema, heap.name],
      detail: `${wasted} of the ${megabytes(heap.heapBytes)} of ${display(heap)} hold no row (${Math.round(bloatPercent)} %, ${kind} by ${heap.how})`,
      evidence: [
        { name: 'wasted', value: Math.round(wastedBytes), unit: 'bytes', kind },
        { name: 'bloat', value: Number(bloatPercent.toFixed(1)), unit: '%', kind },
        measured('heap', heap.heapBytes, 'bytes'),
        measured('table with indexes and TOAST', heap.totalBytes, 'bytes'),
      ],
      remedy: runbook(`Write ${display(heap)} anew: about ${wasted} come back`, ...steps(heap, wastedBytes)),
    },
  ]
}

function steps(heap: TableBloat, wastedBytes: number): string[] {
  const need = megabytes(heap.totalBytes - wastedBytes)
  return [
    `VACUUM (ANALYZE) ${qualified(heap)}; lets new rows use the space, blocks nobody, and returns next to nothing to the disk. If the table grows again soon, stop here.`,
    `Have ${need} of disk space free: both ways below write a second copy of the table and its indexes before they remove the old one.`,
    `Online, where the extension pg_repack is installed: pg_repack --dbname=DATABASE --table=${shellQuoted(qualified(heap))} takes ACCESS EXCLUSIVE for moments at the beginning and the end only, and needs a primary key or a unique index over columns that are not null.`,
    `Else in a maintenance window: SET lock_timeout = '5s'; VACUUM (FULL, ANALYZE) ${qualified(heap)}; it holds ACCESS EXCLUSIVE all the time, so that even reads wait; allow a minute for each gigabyte or two.`,
    'Watch it with SELECT phase, heap_blks_scanned, heap_blks_total FROM pg_stat_progress_cluster; it can be cancelled at any time, which leaves the old table as it was.',
    'To prevent new bloat: let autovacuum visit the table earlier (rule autovacuum_settings), and close transactions that stay open (rule long_transaction).',
  ]
}

/** For a POSIX shell, whatever the name holds. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

export function megabytes(bytes: number): string {
  return bytes >= 1_073_741_824
    ? `${(bytes / 1_073_741_824).toFixed(1)} GB`
    : `${Math.max(1, Math.round(bytes / 1_048_576))} MB`
}
