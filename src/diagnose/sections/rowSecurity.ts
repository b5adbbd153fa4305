import { display } from '../../postgres/identifiers.ts'
import { listLockedTables } from '../../catalog/lockedRelations.ts'
import { readRowSecurity } from '../../catalog/rowSecurity.ts'
import { shortList } from '../../shortList.ts'
import { tableBlock } from '../block.ts'
import type { Section } from '../section.ts'
import { securityOf, tableAccess } from './tableAccess.ts'

/** Tables with row-level security at a glance; rls-analysis.txt has their predicates. */
export const rowSecurity: Section = {
  id: 'row_security',
  title: 'Row-level security',
  async look(context) {
    const { tables, functions } = await context.read(readRowSecurity)
    const wanted = tables.filter(({ schema }) => context.wants(schema))
    const locked = (await context.read(listLockedTables)).filter(
      ({ schema, hasPolicies }) => hasPolicies && context.wants(schema),
    )
    return {
      blocks: [
        await tableAccess(context),
        tableBlock({
          id: 'secured_tables',
          title: 'Tables with policies or row-level security',
          figures: 'measured',
          columns: [
            ['table', 'text', display],
            ['rows', 'count', ({ estimatedRows }) => estimatedRows],
            ['security', 'text', securityOf],
            ['policies', 'count', ({ policies }) => policies.length],
            ['columns without an index', 'text', ({ columnsWithoutIndex }) => columnsWithoutIndex.join(', ')],
          ],
          items: wanted.toSorted((one, other) => (other.estimatedRows ?? 0) - (one.estimatedRows ?? 0)),
          note:
            "Rows are the planner's estimate. The file rls-analysis.txt has every policy and effective predicate." +
            (locked.length === 0
              ? ''
              : ` Left out, since another session locks them exclusively: ${shortList(locked.map(display))}.`),
        }),
        tableBlock({
          id: 'policy_functions',
          title: 'Functions that policies call',
          figures: 'measured',
          columns: [
            ['function', 'text', ({ signature }) => signature],
            ['volatility', 'text', ({ volatility }) => volatility],
            ['runs as', 'text', ({ isSecurityDefiner }) => (isSecurityDefiner ? 'definer' : 'caller')],
            ['search_path', 'text', ({ settings }) => settings['search_path'] ?? "the caller's"],
            ['language', 'text', ({ language }) => language],
            ['policies', 'count', ({ usedBy }) => usedBy],
          ],
          items: functions,
        }),
      ],
    }
  },
}
