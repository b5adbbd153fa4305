import type { ClientBase } from 'pg'
import { borrow } from '../postgres/database.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { underOneSavepoint } from '../postgres/savepoint.ts'
import type { RowSecurity } from '../catalog/rowSecurity.ts'
import { readRowSecurity } from '../catalog/rowSecurity.ts'
import { readServerFacts } from '../catalog/server.ts'
import type { Outcome } from '../catalog/attempt.ts'
import { attempt, attemptUnder } from '../catalog/attempt.ts'
import { findAll } from '../rules/find.ts'
import { rules as allRules } from '../rules/index.ts'
import type { Finding, Rule } from '../rules/rule.ts'
import { keyOf } from '../rules/rule.ts'
import type { Action } from '../rules/impact/actions.ts'
import { groupIntoActions } from '../rules/impact/actions.ts'
import type { Weighed } from '../rules/impact/impact.ts'
import { trafficSeen, weighOne } from '../rules/impact/weigh.ts'
import { listColumns } from '../catalog/columns.ts'
import { listBuiltinFunctions } from '../catalog/functions.ts'
import { readIndexes } from '../catalog/indexes.ts'
import { listIndexSizes } from '../catalog/indexSizes.ts'
import { listOperators } from '../catalog/operators.ts'
import { listPolicies } from '../catalog/policies.ts'
import { readAhead } from '../catalog/readAhead.ts'
import type { Results } from '../catalog/reader.ts'
import { listRelations } from '../catalog/relations.ts'
import { wantedSchemas } from '../catalog/scope.ts'
import { snapshotOf } from '../catalog/snapshot.ts'
import { listTables } from '../catalog/tables.ts'
import { listTypeEqualities } from '../catalog/typeEqualities.ts'
import { listBuiltinTypes } from '../catalog/types.ts'
import { listUniqueKeys } from '../catalog/uniqueKeys.ts'
import { findCostIdentity } from '../policies/cost/costIdentity.ts'
import { readParsedPolicies } from '../policies/rewrite/parsedPolicies.ts'
import type { CostIdentity, RlsCosts } from '../policies/cost/policyCost.ts'
import { rlsCosts } from '../policies/cost/policyCost.ts'
import type { PolicyOnTable } from '../policies/read/policyCatalog.ts'
import { policiesToNarrow } from '../policies/rewrite/signedInOnly.ts'
import type { IgnoreEntry } from '../rules/ignoreFile.ts'
import type { History } from '../history/history.ts'
import { applyIgnoreFile } from './applyIgnoreFile.ts'
import type { DiagnosisReport, Metric, ReportFinding, ReportSection } from './report.ts'
import { byLevel } from './report.ts'
import type { Section, SectionContext } from './section.ts'
import { sections as allSections } from './sections/index.ts'
import { toReportAction } from './reportAction.ts'
import { withTrend } from './trend.ts'
import { explainWrites } from './writes.ts'

export interface DiagnoseOptions {
  /** Only objects of these schemas. */
  schemas?: string[]
  /** Only these rules; the sections stay. */
  rules?: Rule[]
  /** Execute the worst statements that only read, rolled back. */
  analyze?: boolean
  /** With `analyze`: who the price of policies is measured as; by default a user of the role that most policies name. */
  costIdentity?: CostIdentity
  /** With `analyze`: execute those that write too, rolled back. */
  allowWrites?: boolean
  /** Of the machine that the server runs on; where it is this machine, that is looked up. */
  memoryBytes?: number
  ignore?: IgnoreEntry[]
  /** What `monitor` has kept of this database, for forecasts. */
  history?: History
  /** An earlier report of the same database, for the trend. */
  earlier?: DiagnosisReport
  /** Between two looks: stop here if it is aborted. */
  signal?: AbortSignal
  onStep?: (title: string) => void
}

export interface Diagnosis {
  report: DiagnosisReport
  /** What rls-analysis.txt is written from; undefined where it could not be read. */
  rowSecurity: RowSecurity | undefined
  /** Policies TO PUBLIC that only those who are signed in can pass. */
  policiesToNarrow: PolicyOnTable[]
  /** With `analyze`: what policies cost. */
  rlsCosts?: RlsCosts
  /** The findings with the operations that fix them. */
  findings: Finding[]
  /** As in the report, with their findings. */
  actions: Action[]
}

/** What every report reads and may be large; kinds that others are built from come first. */
const largeKinds = [
  listColumns,
  listIndexSizes,
  readIndexes,
  listTables,
  listPolicies,
  listRelations,
  listUniqueKeys,
  listBuiltinFunctions,
  listOperators,
  listBuiltinTypes,
  listTypeEqualities,
]

/** The timeout of each statement of a look; if it is exceeded, the section is skipped. */
const statementTimeoutMs = 15_000
const lockTimeoutMs = 1_000

/**
 * Looks at a database and says what is wrong with it, in one snapshot that cannot write. Every section and rule is a
 * look of its own: one that fails is named in the report, and the rest goes on.
 *
 * ```sql
 * BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
 * SAVEPOINT hundredfold_look; ...; ROLLBACK TO SAVEPOINT hundredfold_look; ...
 * ROLLBACK;
 * ```
 *
 * @throws where the session is lost or the run is aborted.
 */
export async function diagnose(client: ClientBase, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const look = (): Promise<Diagnosis> => lookAt(client, options)
  const diagnosis = await readOnly(client, look, { statementTimeoutMs, lockTimeoutMs })
  if (options.analyze && options.allowWrites) await addWrites(client, diagnosis, options)
  return diagnosis
}

async function lookAt(client: ClientBase, options: DiagnoseOptions): Promise<Diagnosis> {
  const takenAt = new Date()
  const db = borrow(client)
  const results: Results = new Map()
  const rules = snapshotOf(db, options.schemas, undefined, results)
  const server = await rules.read(readServerFacts)
  await readAhead(client, results, largeKinds)
  const context: SectionContext = {
    ...rules,
    server,
    wants: await wantedSchemas(rules),
    now: takenAt,
    ...(options.history ? { history: options.history } : {}),
    ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
    ...(options.analyze ? { analyze: true } : {}),
  }
  const looked = await runSections(allSections, context, options)
  const judged = await runRules(options.rules ?? allRules, context, options)
  const rowSecurity = await attempt(db, () => context.read(readRowSecurity))
  const narrow = await attempt(db, async () => policiesToNarrow(await context.read(readParsedPolicies)))
  const costs = options.analyze ? await attempt(db, () => measureCosts(context, options)) : undefined
  const ran = new Set(judged.sections.filter(({ status }) => status === 'ok').map(({ id }) => id))
  const traffic = await trafficSeen(context)
  const weighed = judged.findings.map((finding) => weighOne(finding, traffic))
  const { findings, ignored } = applyIgnoreFile(options.ignore ?? [], weighed.map(toReport), {
    today: takenAt,
    ran: (rule) => ran.has(`rule/${rule}`),
  })
  const reported = new Set(findings.map(({ key }) => key))
  const actions = groupIntoActions(weighed.filter((finding) => reported.has(keyOf(finding))))
  const report: DiagnosisReport = {
    schemaVersion: 1,
    command: 'diagnose',
    takenAt: takenAt.toISOString(),
    server: {
      version: server.version,
      provider: server.provider,
      database: server.database,
      role: server.role,
      isStandby: server.isStandby,
    },
    statistics: {
      resetAt: server.countersSince.toISOString(),
      ageDays: Number(((server.now.getTime() - server.countersSince.getTime()) / 86_400_000).toFixed(3)),
    },
    sections: [...looked.sections, ...notMeasured(costs), ...judged.sections],
    metrics: looked.metrics,
    findings: findings.sort(byLevel),
    actions: actions.map(toReportAction),
    ignored,
    counters: looked.counters,
    statements: looked.statements,
  }
  return {
    report: options.earlier ? withTrend(report, options.earlier) : report,
    rowSecurity: rowSecurity.status === 'ok' ? onlyWanted(rowSecurity.value, context) : undefined,
    policiesToNarrow: narrow.status === 'ok' ? narrow.value : [],
    ...(costs?.status === 'ok' ? { rlsCosts: costs.value } : {}),
    findings: judged.findings,
    actions,
  }
}

function notMeasured(costs: Outcome<unknown> | undefined): ReportSection[] {
  if (!costs || costs.status === 'ok') return []
  const { status, reason } = costs
  return [{ id: 'policy_costs', title: 'The price of policies', status, reason }]
}

async function measureCosts(
  context: SectionContext,
  { costIdentity, onStep }: DiagnoseOptions,
): Promise<RlsCosts> {
  onStep?.('the price of policies')
  const { db } = context
  const parsed = await context.read(readParsedPolicies)
  const identity = costIdentity ?? (await findCostIdentity(db, parsed))
  const list = await rlsCosts(db, parsed, { identity })
  return { identity, list: list.filter(({ table }) => context.wants(table.schema)) }
}

async function runSections(sections: Section[], context: SectionContext, options: DiagnoseOptions) {
  const looked: ReportSection[] = []
  const metrics: Metric[] = []
  const counters: Record<string, number> = {}
  let statements: DiagnosisReport['statements'] = { countedSince: null, list: [] }
  await underOneSavepoint(context.db, async (under) => {
    for (const { id, title, look } of sections) {
      options.signal?.throwIfAborted()
      options.onStep?.(title)
      const outcome = await attemptUnder(under, () => look(context))
      if (outcome.status !== 'ok') {
        looked.push({ id, title, status: outcome.status, reason: outcome.reason })
        continue
      }
      looked.push({ id, title, status: 'ok', blocks: outcome.value.blocks })
      metrics.push(...(outcome.value.metrics ?? []))
      Object.assign(counters, outcome.value.counters)
      statements = outcome.value.statements ?? statements
    }
  })
  return { sections: looked, metrics, counters, statements }
}

async function runRules(rules: Rule[], context: SectionContext, { signal, onStep }: DiagnoseOptions) {
  const { findings, looked } = await findAll(rules, context, {
    ...(signal ? { signal } : {}),
    onRule: ({ name }) => onStep?.(`rule ${name}`),
  })
  const sections = looked.map(({ rule, status, reason }): ReportSection => {
    return {
      ...{ id: `rule/${rule.name}`, title: rule.finds, status },
      ...(reason === undefined ? {} : { reason }),
    }
  })
  return { sections, findings }
}

/** The finding without the operation, which `optimize` makes again from the database as it is then. */
function toReport(finding: Weighed): ReportFinding {
  const { rule, level, subject, detail, evidence, remedy, infoBecause, impact } = finding
  return {
    ...{ key: keyOf(finding), rule, level, subject, detail, evidence },
    remedy: {
      kind: remedy.kind,
      title: remedy.title,
      ...(remedy.kind === 'runbook' ? { steps: remedy.steps } : {}),
    },
    ...(infoBecause === undefined ? {} : { infoBecause }),
    impact,
  }
}

function onlyWanted({ tables, functions }: RowSecurity, { wants }: SectionContext): RowSecurity {
  const wanted = tables.filter(({ schema }) => wants(schema))
  const called = new Set(wanted.flatMap(({ policies }) => policies.flatMap(({ calls }) => calls)))
  return { tables: wanted, functions: functions.filter(({ signature }) => called.has(signature)) }
}

async function addWrites(client: ClientBase, { report }: Diagnosis, options: DiagnoseOptions): Promise<void> {
  options.onStep?.('executing the worst writes, to be rolled back')
  const section = report.sections.find(({ id }) => id === 'plans')
  if (section?.status === 'ok') section.blocks = [...(section.blocks ?? []), ...(await explainWrites(client))]
}
