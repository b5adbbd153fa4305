import { attempt } from '../../catalog/attempt.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import type { Finding } from '../rule.ts'
import type { RuleName } from '../ruleNames.ts'
import type { Impact, Weighed } from './impact.ts'
import { measures } from './measures.ts'
import { dangerous, risks } from './risks.ts'
import type { Traffic } from './traffic.ts'
import { nameKey, noTraffic, readTraffic } from './traffic.ts'

/** Rules whose subjects begin with a role, a function or a statement, whatever tables are called. */
const aboutNoTable: ReadonlySet<RuleName> = new Set<RuleName>([
  'function_volatility',
  'function_search_path_mutable',
  'slow_query',
  'cache_hit_ratio',
  'connection_saturation',
  'idle_in_transaction',
  'long_transaction',
  'lock_waits',
  'missing_statement_timeout',
  'xmin_horizon',
  'orphaned_prepared_transaction',
  'wal_heavy_statement',
  'io_heavy_statement',
  'planning_heavy_statement',
  'cache_candidate',
])

/** What the counters of the snapshot say; nothing where they cannot be read, and then every finding is a risk. */
export async function trafficSeen(snapshot: Snapshot): Promise<Traffic> {
  const read = await attempt(snapshot.db, () => readTraffic(snapshot))
  return read.status === 'ok' ? read.value : noTraffic
}

/** The finding with what it costs. */
export function weighOne(finding: Finding, traffic: Traffic): Weighed {
  const table = tableOf(finding, traffic)
  return { ...finding, table, impact: impactOf(finding, table, traffic) }
}

/** The table of a migration is the one that it changes; else the subject names it, or an index of it. */
function tableOf({ rule, subject, remedy }: Finding, traffic: Traffic): Weighed['table'] {
  const on = remedy.kind === 'migration' ? remedy.operation.on : []
  const [schema, name] = on.length === 2 ? on : subject
  if (schema === undefined || name === undefined || (on.length !== 2 && aboutNoTable.has(rule)))
    return undefined
  const ofIndex = traffic.tableOfIndex.get(nameKey(schema, name))
  return (
    ofIndex ?? (on.length === 2 || traffic.tables.has(nameKey(schema, name)) ? [schema, name] : undefined)
  )
}

function impactOf(finding: Finding, table: Weighed['table'], traffic: Traffic): Impact {
  const { rule, level } = finding
  const counted = table && traffic.tables.get(nameKey(...table))
  const tableBytes = counted?.totalBytes ?? 0
  const none = { value: null, unit: null, basis: 'classified', tableBytes } as const
  const ownMeasures = measures[rule] ?? []
  const risk = risks[rule]
  if (level === 'error' && dangerous.has(rule))
    return { ...none, kind: 'danger', because: risk ?? 'it may stop the database' }
  for (const measure of ownMeasures) {
    const figure = measure({ finding, traffic, table: counted })
    if (figure) return { ...figure, unit: figure.kind === 'time' ? 'ms/h' : 'bytes', tableBytes }
  }
  return { ...none, kind: 'risk', because: risk ?? whyNoFigure(traffic) }
}

function whyNoFigure({ hours }: Traffic): string {
  return `too little use was counted to say what it costs (${hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`})`
}
