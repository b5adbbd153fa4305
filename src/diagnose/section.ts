import type { History } from '../history/history.ts'
import type { ServerFacts } from '../catalog/server.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import type { Block } from './block.ts'
import type { Metric, ReportStatement } from './report.ts'

/** What a section is given: what a rule is given, and who we are talking to. */
export interface SectionContext extends Snapshot {
  server: ServerFacts
  /** Whether objects of the schema are wanted in the report. */
  wants(schema: string): boolean
  /** What `monitor` has kept of this database, if it has. */
  history?: History
  /** When this report is made. */
  now: Date
  /** Execute the worst statements, inside a transaction that is rolled back. */
  analyze?: boolean
}

/** What a section found. */
export interface SectionResult {
  blocks: Block[]
  metrics?: Metric[]
  counters?: Record<string, number>
  statements?: { countedSince: string | null; list: ReportStatement[] }
}

/** One chapter of the report. */
export interface Section {
  id: string
  title: string
  look(context: SectionContext): Promise<SectionResult>
}
