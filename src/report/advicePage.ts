import type { Advice, StatementCost } from '../advisor/advise.ts'
import type { Agreement } from '../advisor/agreement.ts'
import { isLow, shapeOf } from '../advisor/agreement.ts'
import { nameOf } from '../advisor/decision.ts'
import type { PlannedStatement } from '../advisor/plannedStatement.ts'
import type { BothPlans } from '../advisor/plansBothWays.ts'
import { gainOf, numberIndexes } from '../advisor/savings.ts'
import { tableBlock } from '../diagnose/block.ts'
import { display } from '../postgres/identifiers.ts'
import { agreementText, gapText, lowAgreement } from './adviceText.ts'
import { percent, round } from './figures.ts'
import type { Html } from './page/html.ts'
import { html } from './page/html.ts'
import { page } from './page/page.ts'
import { planTreeHtml } from './page/planTree.ts'
import { tableHtml } from './page/table.ts'
import { bytes, ratio } from './units.ts'
import { messageWithoutValues, withoutLiterals } from '../syntax/withoutLiterals.ts'

/** The page of `advise --html`: what to build and to drop, and each statement's plan before and after. */
export function advicePage(
  advice: Advice,
  { plans, takenAt }: { plans: ReadonlyMap<PlannedStatement, BothPlans>; takenAt: Date },
): string {
  const { agreement, statements, leftOut, unsure } = advice
  const notCompared = agreement?.notCompared ?? []
  return page('Index advice', {
    header: html`<h1>Index advice</h1>
      <p class="faint">
        Planned on ${takenAt.toISOString()} in a copy of the schema with its statistics and none of its rows.
        Costs are the planner's.
      </p>
      ${agreement && isLow(agreement) && html`<p class="bad" role="note"><b>${lowAgreement(agreement)}</b></p>`}
      <nav aria-label="Sections">
        <ol>
          <li><a href="#create">Create</a></li>
          <li><a href="#drop">Drop</a></li>
          <li><a href="#statements">Statements</a></li>
          <li><a href="#not-seen">Not seen</a></li>
        </ol>
      </nav>`,
    main: html`${cards(advice)} ${createHtml(advice)} ${dropHtml(advice)}
      <h2 id="statements">Statements: ${statements.length}</h2>
      <p class="note">
        A cost is that of one call, the mean over its arguments; a plan is the one for its first arguments.
        Literals are left out of plans and statements.
      </p>
      ${
        statements.length > 5 &&
        html`<p><label for="filter">Only statements with </label><input id="filter" type="search" /></p>`
      }
      ${statements.toSorted((a, b) => gainOf(b) - gainOf(a)).map((each) => statementHtml(each, plans.get(each.statement), advice))}
      <h2 id="not-seen">Not seen</h2>
      <ul>
        ${leftOut.length + unsure.length + notCompared.length === 0 && html`<li>Nothing was left out.</li>`}
        ${leftOut.map(
          ({ statement, reason }) =>
            html`<li>
              ${statement.name}${statement.line !== undefined && `, line ${statement.line},`} is left out:
              ${messageWithoutValues(reason)}
            </li>`,
        )}
        ${unsure.map(({ about, reason }) => html`<li>${about} is unsure: ${messageWithoutValues(reason)}</li>`)}
        ${notCompared.map(
          ({ statement, reason }) =>
            html`<li>
              ${statement.name} is not compared with your database: ${messageWithoutValues(reason)}
            </li>`,
        )}
      </ul>`,
  })
}

function cards(advice: Advice): Html {
  const { cost, indexes, drops, agreement } = advice
  const built = indexes.reduce((sum, { index }) => sum + index.sizeBytes, 0)
  const freed = drops.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return html`<h2 id="summary">Summary</h2>
    <ul class="cards">
      <li class="card">
        Cost of the workload <b>${ratio(cost.before / cost.after)} less</b>
        <p>${round(cost.before)} before, ${round(cost.after)} after</p>
      </li>
      <li class="card">
        New indexes <b>${indexes.length}</b>
        <p>${bytes(built)}</p>
      </li>
      <li class="card">
        Indexes to drop <b>${drops.length}</b>
        <p>${bytes(freed)}</p>
      </li>
      <li class="card">
        Distance from the best choice <b>${percent(advice.gap)}</b>
        <p>${gapText(advice)}</p>
      </li>
      ${agreement && agreementCard(agreement)}
    </ul>`
}

function agreementCard(agreement: Agreement): Html {
  return html`<li class="card">
    Plans like those of your database
    <b class="${isLow(agreement) ? 'bad' : 'good'}">${agreement.sameShape} of ${agreement.compared}</b>
    <p>${agreementText(agreement)}</p>
  </li>`
}

function createHtml(advice: Advice): Html {
  const items = numberIndexes(advice)
  return html`<h2 id="create">Create: ${items.length}</h2>
    ${tableHtml(
      tableBlock({
        id: 'create',
        title: 'Indexes to create',
        figures: 'estimated',
        columns: [
          ['index', 'text', (each) => `${each.number}: ${nameOf(each)}`],
          ['size', 'bytes', ({ index }) => index.sizeBytes],
          ['saves of the workload', 'percent', ({ saves }) => (100 * saves) / advice.cost.before],
          ['saved cost', 'count', ({ saves }) => saves],
          ['upkeep', 'count', ({ upkeep }) => upkeep],
          ['entries of writes', 'count', ({ entries }) => entries],
          ['serves', 'text', ({ serves }) => serves.map(({ statement }) => statement.name).join(', ')],
          ['replaces', 'text', ({ replaces }) => replaces.map(display).join(', ')],
        ],
        items,
        limit: items.length,
        chart: { label: 0, values: [1] },
      }),
    )}`
}

function dropHtml({ drops }: Advice): Html {
  return html`<h2 id="drop">Drop: ${drops.length}</h2>
    ${tableHtml(
      tableBlock({
        id: 'drop',
        title: 'Indexes to drop',
        figures: 'estimated',
        columns: [
          ['index', 'text', (index) => display(index)],
          ['size', 'bytes', ({ sizeBytes }) => sizeBytes],
          ['because', 'text', ({ reason }) => reason],
          ['definition', 'text', ({ definition }) => definition],
        ],
        items: drops,
        limit: drops.length,
        chart: { label: 0, values: [1] },
      }),
    )}`
}

function statementHtml(each: StatementCost, plans: BothPlans | undefined, advice: Advice): Html {
  const { statement, costBefore, costAfter } = each
  const { tone, said } = changeOf(each)
  return html`<details class="finding">
    <summary>
      ${statement.name}: ${round(costBefore)} → ${round(costAfter)} <span class="${tone}">${said}</span>
      <span class="faint">${round(statement.calls)} calls${statement.role && ` as ${statement.role}`}</span>
    </summary>
    <div>
      <pre>${withoutLiterals(statement.sql)}</pre>
      ${plans && plansHtml(plans, advice)}
    </div>
  </details>`
}

function changeOf({ costBefore, costAfter }: StatementCost): { tone: string; said: string } {
  const change = costAfter / costBefore - 1
  if (change > 0.001) return { tone: 'bad', said: `${percent(change)} more` }
  if (!(change < -0.001)) return { tone: 'faint', said: 'no change' }
  return { tone: 'good', said: `${change < -0.5 ? ratio(costBefore / costAfter) : percent(-change)} less` }
}

function plansHtml({ before, after }: BothPlans, advice: Advice): Html {
  const names = indexTexts(advice)
  const indexText = (name: string): Html => names.get(name) ?? html`${name}`
  if (shapeOf(before) === shapeOf(after)) {
    return html`<h3>Before and after: cost ${round(after['Total Cost'])}</h3>
      ${planTreeHtml(after, indexText)}`
  }
  return html`<div class="plans">
    <div>
      <h3>Before: cost ${round(before['Total Cost'])}</h3>
      ${planTreeHtml(before, indexText)}
    </div>
    <div>
      <h3>After: cost ${round(after['Total Cost'])}</h3>
      ${planTreeHtml(after, indexText)}
    </div>
  </div>`
}

/** How plans call the indexes that come and go. */
function indexTexts(advice: Advice): Map<string, Html> {
  return new Map([
    ...advice.drops.map(
      ({ name }) => [name, html`${name} <span class="warn">(to be dropped)</span>`] as const,
    ),
    ...numberIndexes(advice).map(
      ({ number, index, candidate }) =>
        [
          index.name,
          html`<b class="good" title="${nameOf({ index, candidate })}">new index ${number}</b>`,
        ] as const,
    ),
  ])
}
