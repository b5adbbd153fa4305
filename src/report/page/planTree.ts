import type { PlanNode } from '../../postgres/explain.ts'
import { display } from '../../postgres/identifiers.ts'
import type { PlanStep } from '../../diagnose/planBlock.ts'
import { round } from '../figures.ts'
import { duration } from '../units.ts'
import { withoutLiterals } from '../../syntax/withoutLiterals.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

/** A plan as nested lists: what is done to which relation, at which cost, under which conditions. No literal is in it. */
export function planTreeHtml(root: PlanNode, indexText: (name: string) => Html): Html {
  return html`<ul class="plan">
    ${nodeHtml(root, indexText)}
  </ul>`
}

/** A plan of a report. Where the statement was executed, the rows that came stand beside those that were expected. */
export function stepTreeHtml(step: PlanStep): Html {
  return html`<ul class="plan">
    ${stepHtml(step)}
  </ul>`
}

/** So many times more or fewer rows than expected are a reason to look: the planner chose for another amount. */
const farOff = 10

function stepHtml({ what, rows, cost, real, filter, steps }: PlanStep): Html {
  const times = real && Math.max(real.rows, 1) / Math.max(rows, 1)
  const off = times !== undefined && Math.max(times, 1 / times) >= farOff
  return html`<li>
    <b>${what}</b>
    <span class="faint">cost ${cost.toLocaleString('en-US')}, estimated ${round(rows)} rows</span>
    ${
      real &&
      html`<span class="${off && 'warn'}">
        really ${round(real.rows)}${real.loops > 1 && ` in each of ${round(real.loops)} loops`},
        ${duration(real.ms * real.loops)}${off && `: ${round(Math.max(times, 1 / times))} times ${times > 1 ? 'more' : 'fewer'} than estimated`}
      </span>`
    }
    ${filter && html`<div class="condition">Filter: ${filter}</div>`}
    ${
      steps.length > 0 &&
      html`<ul>
        ${steps.map(stepHtml)}
      </ul>`
    }
  </li>`
}

const conditions = [
  'Index Cond',
  'Recheck Cond',
  'Order By',
  'Hash Cond',
  'Merge Cond',
  'Join Filter',
  'Filter',
  'One-Time Filter',
  'Sort Key',
  'Presorted Key',
  'Group Key',
] as const

type Detailed = PlanNode & Partial<Record<(typeof conditions)[number], string | string[]>>

function nodeHtml(node: PlanNode, indexText: (name: string) => Html): Html {
  const { Schema: schema, 'Relation Name': name, 'Index Name': index, 'Subplan Name': subplan } = node
  const relation = name === undefined ? undefined : schema === undefined ? name : display({ schema, name })
  return html`<li>
    ${subplan && html`<span class="faint">${subplan}: </span>`}<b>${operationOf(node)}</b>
    ${index !== undefined && html`using ${indexText(index)}`} ${relation && html`on ${relation}`}
    <span class="faint">(cost ${round(node['Total Cost'])}, ${round(node['Plan Rows'])} rows)</span>
    ${conditions.map((kind) => {
      const text = [(node as Detailed)[kind] ?? []].flat().join(', ')
      return text !== '' && html`<div class="condition">${kind}: ${withoutLiterals(text)}</div>`
    })}
    ${
      node.Plans &&
      html`<ul>
        ${node.Plans.map((child) => nodeHtml(child, indexText))}
      </ul>`
    }
  </li>`
}

/** `Nested Loop Left Join`, as EXPLAIN's text has it. */
function operationOf({ 'Node Type': type, 'Join Type': join }: PlanNode): string {
  return join === undefined || join === 'Inner' ? type : `${type.replace(/ Join$/, '')} ${join} Join`
}
