import type { Html } from './html.ts'
import { html } from './html.ts'

/** A share in per cent as a bar from 0 to 100, with a mark at its target. The text beside it says the same. */
export function gaugeHtml(percent: number, target: number | undefined): Html {
  return html`<span class="gauge" aria-hidden="true"
    ><i style="width:${share(percent)}%"></i>${
      target !== undefined && html`<b style="left:${share(target)}%"></b>`
    }</span
  >`
}

const share = (value: number): number => Math.min(100, Math.max(0, Number(value.toFixed(2))))
