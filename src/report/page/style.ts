/** One style for every page: light and dark, wide and narrow, contrast of at least 4.5 to 1. */
export const style = `
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1d2430; --faint: #566070; --line: #d5dae2; --card: #f5f7fa; --link: #1a56b0;
  --bar: #3268bd; --bar2: #8a5a00; --good: #17683a; --bad: #a8261d; --warn: #7d4e00; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #12161d; --ink: #e4e8ee; --faint: #a3adbb; --line: #333c49; --card: #1a2029; --link: #8ab8ff;
  --bar: #6f9fe8; --bar2: #d9a441; --good: #6fd19a; --bad: #ff938a; --warn: #efb75c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; } footer { padding: 24px 20px 48px; color: var(--faint); }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 40px 0 8px; padding-top: 12px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 20px 0 6px; }
p { margin: 6px 0; } a { color: var(--link); }
.faint, .note { color: var(--faint); } .note { font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px; padding: 0; list-style: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 22px; overflow-wrap: anywhere; } .card p { margin: 2px 0; font-size: 13px; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
nav ol { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; margin: 12px 0; list-style: none; font-size: 14px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { padding: 5px 10px; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
td { max-width: 460px; overflow-wrap: anywhere; } td:first-child { min-width: 170px; } tr:last-child td { border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th button { all: unset; cursor: pointer; font-weight: 600; white-space: nowrap; }
th button:focus-visible, a:focus-visible, summary:focus-visible, .scroll:focus-visible, input:focus-visible, .copy:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: ' \\2191'; } th[aria-sort=descending] button::after { content: ' \\2193'; }
.bars { list-style: none; padding: 0; margin: 8px 0 14px; display: grid; gap: 5px; }
.bars li { display: grid; grid-template-columns: minmax(120px, 34%) 1fr minmax(64px, auto); gap: 10px; align-items: center; font-size: 13px; }
.bars .label { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bars .track { display: flex; height: 14px; background: var(--card); border-radius: 3px; overflow: hidden; }
.bars .track i { display: block; background: var(--bar); } .bars .track i + i { background: var(--bar2); }
.bars .value { text-align: right; font-variant-numeric: tabular-nums; }
.gauge { position: relative; display: block; height: 10px; margin: 4px 0; background: var(--line); border-radius: 3px; }
.gauge i { display: block; height: 100%; background: var(--bar); border-radius: 3px; } .gauge b { position: absolute; top: -3px; bottom: -3px; width: 3px; margin-left: -1px; background: var(--ink); }
.inline { margin: 0; } .inline summary { padding: 1px 8px; } .inline code { display: block; padding: 4px 8px; } .inline code, .lines { white-space: pre-line; }
.legend { font-size: 13px; color: var(--faint); } .legend i { display: inline-block; width: 10px; height: 10px; margin: 0 4px 0 12px; background: var(--bar); } .legend i:nth-of-type(2) { background: var(--bar2); }
.chart { display: inline-block; width: min(100%, 550px); margin: 8px 12px 8px 0; } .chart figcaption { font-size: 13.5px; font-weight: 600; overflow-wrap: anywhere; }
.chart svg { width: 100%; height: auto; } .chart line { stroke: var(--line); } .chart text { fill: var(--faint); font-size: 11px; }
.chart polyline { fill: none; stroke: var(--bar); stroke-width: 2; } .chart polygon { fill: var(--bar); opacity: 0.2; }
details { border: 1px solid var(--line); border-radius: 8px; margin: 8px 0; background: var(--card); }
summary { cursor: pointer; padding: 8px 12px; overflow-wrap: anywhere; } details > div { padding: 0 14px 10px; overflow-wrap: anywhere; }
.level { display: inline-block; min-width: 52px; font-weight: 700; } code { font: 13px ui-monospace, monospace; }
pre { font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; margin: 8px 0; }
.findings { padding-left: 18px; font-size: 14px; } .findings li { margin: 3px 0; } .findings small { color: var(--faint); font-size: 12.5px; }
.findings p { margin: 0; } .copied { position: relative; } .copied pre { max-height: 420px; overflow: auto; }
.copy { position: absolute; top: 6px; right: 6px; font: 12px system-ui, sans-serif; color: var(--ink); background: var(--paper); border: 1px solid var(--faint); border-radius: 5px; padding: 2px 8px; cursor: pointer; }
.plans { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 20px; }
.plan, .plan ul { list-style: none; margin: 4px 0 4px; padding: 0 0 0 14px; border-left: 1px solid var(--line); font-size: 13px; overflow-wrap: anywhere; }
.plan li { margin: 3px 0; } .condition { color: var(--faint); font: 12px/1.4 ui-monospace, monospace; }
input { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--faint); border-radius: 6px; padding: 5px 9px; width: min(100%, 360px); }
@media (max-width: 640px) { td { min-width: 96px; } header, main, footer { padding-left: 14px; padding-right: 14px; }
  .plans { grid-template-columns: minmax(0, 1fr); } .bars { gap: 9px; } .bars li { grid-template-columns: 1fr auto; gap: 2px 10px; } .bars .track { grid-column: 1 / -1; grid-row: 2; } .cards { grid-template-columns: 1fr 1fr; } .card b { font-size: 18px; } }
@media print { body { font-size: 12px; -webkit-print-color-adjust: exact; print-color-adjust: exact; } .scroll { overflow: visible; } .copied pre { max-height: none; } nav, input, label, .copy { display: none; }
  h2, h3 { break-after: avoid; } tr, .card, .bars li, .chart { break-inside: avoid; } td { max-width: none; } }
`
