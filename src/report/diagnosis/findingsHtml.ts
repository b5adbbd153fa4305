import type { DiagnosisReport, ReportAction, ReportFinding } from '../../diagnose/report.ts'
import type { Operation } from '../../operations/operation.ts'
import type { Action } from '../../rules/impact/actions.ts'
import { orderOfKinds } from '../../rules/impact/impact.ts'
import type { Html } from '../page/html.ts'
import { html } from '../page/html.ts'
import { defaultView, impactText, plural } from './actions.ts'
import { countLevels } from './summary.ts'

const tones = { error: 'bad', warn: 'warn', info: 'faint' }

/**
 * The findings, by action, what matters most first: what each action brings, the command that writes it, and the SQL of
 * its migrations to copy.
 *
 * @param actions those of the report with their operations; without them no SQL is shown
 */
export function findingsHtml(report: DiagnosisReport, actions: Action[] = []): Html {
  const { findings, ignored } = report
  const byKey = new Map(findings.map((finding) => [finding.key, finding]))
  const shown = new Set<string>()
  const all = (report.actions ?? []).map((action, at) => ({
    isFirst: isToDo(action),
    text: actionHtml(action, byKey, statementsOf(actions[at], shown)),
  }))
  const toDo = all.filter(({ isFirst }) => isFirst)
  const first = toDo.slice(0, defaultView.limit)
  const rest = toDo.slice(defaultView.limit)
  const notes = all.filter(({ isFirst }) => !isFirst)
  const grouped = new Set((report.actions ?? []).flatMap(({ keys }) => keys))
  const others = findings.filter(({ key }) => !grouped.has(key))
  const texts = (some: typeof all): Html[] => some.map(({ text }) => text)
  return html`<h2 id="findings">What to do first</h2>
    <p class="faint">${countLevels(findings)}, in ${plural(all.length, 'action')}. ${orderOfKinds}</p>
    ${
      findings.length > 5 &&
      html`<p><label for="filter">Only findings with </label><input id="filter" type="search" /></p>`
    }
    ${findings.length === 0 && html`<p>None.</p>`} ${texts(first)}
    ${rest.length > 0 && html`<h3>After these</h3>`} ${texts(rest)}
    ${notes.length > 0 && html`<h3>Notes, and what is left as it is</h3>`} ${texts(notes)}
    ${others.length > 0 && listHtml(others)}
    ${
      ignored.length > 0 &&
      html`<h3>Ignored</h3>
        <ul>
          ${ignored.map(
            ({ key, reason, expires }) =>
              html`<li><code>${key}</code>: ${reason}${expires && ` (until ${expires})`}</li>`,
          )}
        </ul>`
    }`
}

function isToDo({ remedy, level }: ReportAction): boolean {
  return remedy !== 'none' && level !== 'info'
}

/** SQL that no action above shows, and how many migrations of this one those show. */
interface Statements {
  sql: string[]
  above: number
}

function statementsOf(action: Action | undefined, shown: Set<string>): Statements {
  const statements: Statements = { sql: [], above: 0 }
  const add = (operation: Operation): void => {
    const id = JSON.stringify(operation.ids)
    if (shown.has(id)) return
    shown.add(id)
    operation.requires?.forEach(add)
    statements.sql.push(...operation.up)
  }
  for (const { remedy } of action?.findings ?? []) {
    if (remedy.kind !== 'migration') continue
    const before = statements.sql.length
    add(remedy.operation)
    if (statements.sql.length === before) statements.above += 1
  }
  return statements
}

function actionHtml(
  action: ReportAction,
  byKey: ReadonlyMap<string, ReportFinding>,
  { sql, above }: Statements,
): Html {
  const { level, title, impact, command, keys } = action
  const findings = keys.flatMap((key) => byKey.get(key) ?? [])
  return html`<details class="finding">
    <summary>
      <span class="level ${tones[level]}">${level}</span> ${title}
      <span class="faint">${impactText(impact)}</span>
    </summary>
    <div>
      ${impact.value !== null && html`<p class="faint">First: ${findings[0]?.impact?.because}.</p>`}
      ${
        command !== undefined &&
        html`<div class="copied">
          <pre>${command}</pre>
          <button type="button" class="copy">Copy</button>
        </div>`
      }
      ${
        sql.length > 0 &&
        html`<details>
          <summary>SQL of its migrations: ${plural(sql.length, 'statement')}</summary>
          <div class="copied">
            <pre>${sql.map((each) => `${each};`).join('\n')}</pre>
            <button type="button" class="copy">Copy</button>
          </div>
        </details>`
      }
      ${sql.length === 0 && above > 0 && html`<p class="faint">Actions above have the SQL: they share their migrations with this one.</p>`}
      ${listHtml(findings)}
    </div>
  </details>`
}

/** One line a finding, since there may be thousands; what all of them say alike is said once. */
function listHtml(findings: ReportFinding[]): Html {
  const remedies = new Set(findings.map(({ remedy }) => JSON.stringify(remedy)))
  const shared = remedies.size === 1 ? findings[0]?.remedy : undefined
  const estimates = findings.some(({ evidence }) => evidence.some(({ kind }) => kind === 'estimated'))
  return html`${shared && remedyHtml(shared)}
    ${estimates && html`<p class="note">≈ marks an estimate; the other figures are measured.</p>`}
    <ul class="findings">
      ${findings.map((finding) => html`<li>${finding.detail} <small>${factsOf(finding)}</small>${!shared && remedyHtml(finding.remedy)}</li>`)}
    </ul>`
}

function remedyHtml({ kind, title, steps }: ReportFinding['remedy']): Html {
  const does = kind === 'none' ? 'Nothing to do' : kind === 'migration' ? 'Migration' : 'Do'
  return html`<p><b>${does}:</b> ${title}</p>
    ${
      steps &&
      html`<ol>
        ${steps.map((step) => html`<li>${step}</li>`)}
      </ol>`
    }`
}

/** `rows ≈ 1,700; columns: owner_id`; the new predicates are in the SQL. */
function factsOf({ evidence, remedy }: ReportFinding): string {
  return evidence
    .filter(({ name }) => remedy.kind !== 'migration' || !name.endsWith(' after'))
    .map(({ name, value, unit, kind }) => {
      const text = typeof value === 'number' ? value.toLocaleString('en-US') : String(value ?? 'unknown')
      return `${name}${kind === 'estimated' ? ' ≈ ' : ': '}${text}${unit === undefined || unit === name ? '' : ` ${unit}`}`
    })
    .join('; ')
}
