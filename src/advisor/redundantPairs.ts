import { groupBy } from '../groupBy.ts'
import { covers } from '../indexes/indexCoverage.ts'
import type { Option } from './whatIf.ts'

/** Pairs of oids of which the second does the work of the first. Of two that exist both may stay. */
export function redundantPairs(options: readonly Option[]): [number, number][] {
  const byTable = groupBy(options, ({ index }) => index.tableOid)
  return options.flatMap((narrow) =>
    (byTable.get(narrow.index.tableOid) ?? [])
      .filter((wide) => (narrow.candidate ?? wide.candidate) && covers(wide.index, narrow.index))
      .map((wide): [number, number] => [narrow.index.oid, wide.index.oid]),
  )
}
