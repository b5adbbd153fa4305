import { groupBy } from '../groupBy.ts'
import type { LeftOut, Unsure } from '../workload/leftOut.ts'

/** So many of one reason are named one by one. */
const mostNamed = 3

/** The statements that advice does not count, for JSON. */
export function leftOutDocument(leftOut: readonly LeftOut[]): object[] {
  return leftOut.map(({ statement, reason }) => ({ query: statement.name, line: statement.line, reason }))
}

/** What advice does not count, and what it is not sure of, a line each; many of one reason are one line. */
export function notCountedLines(leftOut: readonly LeftOut[], unsure: readonly Unsure[]): string[] {
  const named = leftOut.map(({ statement: { name, line }, reason }) => ({
    about: line === undefined ? name : `${name}, line ${line}`,
    reason,
  }))
  return [...linesOf('Left out', named), ...linesOf('Unsure', unsure)]
}

function linesOf(word: string, all: readonly Unsure[]): string[] {
  return [...groupBy(all, ({ reason }) => reason)].flatMap(([reason, group]) =>
    group.length <= mostNamed
      ? group.map(({ about }) => `${word}: ${about}: ${reason}`)
      : [`${word}: ${group.length} (--json lists them), such as ${group[0].about}: ${reason}`],
  )
}
