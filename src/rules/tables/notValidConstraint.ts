import { validateConstraint } from '../../operations/validateConstraint.ts'
import { display, displayIdentifier, qualified, quote } from '../../postgres/identifiers.ts'
import { listUnvalidatedConstraints } from '../../catalog/constraints.ts'
import { estimated, measured, migrationOr, runbook } from '../remedies.ts'
import type { Rule } from '../rule.ts'
import { wantedSchemas } from '../../catalog/scope.ts'
import { unlessLocked } from '../unlessLocked.ts'

/**
 * Constraints that are enforced for new rows only. They look true to a reader of the schema, but the planner may not
 * use them: a partition cannot be skipped or attached quickly. Old rows may also break a restore.
 *
 * ```sql
 * ALTER TABLE a ADD CONSTRAINT a_b_check CHECK (b > 0) NOT VALID;  -- before
 * ALTER TABLE a VALIDATE CONSTRAINT a_b_check;                     -- after; reads and writes go on
 * ```
 */
export const notValidConstraint: Rule = {
  name: 'not_valid_constraint',
  finds: 'constraints that old rows were never checked against',
  cure: 'VALIDATE CONSTRAINT',
  async find(context) {
    const wanted = await wantedSchemas(context)
    const found = await context.read(listUnvalidatedConstraints)
    const findings = await Promise.all(
      found
        .filter(({ table, isExtensionOwned }) => wanted(table.schema) && !isExtensionOwned)
        .map(async (constraint) => {
          const { table, name, definition } = constraint
          const problem = `Constraint ${displayIdentifier(name)} of ${display(table)} was never checked against the old rows.`
          return {
            level: 'warn' as const,
            subject: [table.schema, table.name, name],
            detail: problem,
            evidence: [
              measured('definition', definition),
              estimated('rows to check', constraint.estimatedRows),
            ],
            remedy: await migrationOr(
              () =>
                validateConstraint(constraint, {
                  rule: 'not_valid_constraint',
                  why: `${problem} Checking them reads the table once, while others read and write. A row that violates the constraint ends the migration, and nothing is changed.`,
                }),
              (reason) =>
                runbook(
                  `Validate ${displayIdentifier(name)}`,
                  `ALTER TABLE ${qualified(table)} VALIDATE CONSTRAINT ${quote(name)};`,
                  `There is no migration for it, since it could not be taken back exactly: ${reason}.`,
                ),
            ),
          }
        }),
    )
    return unlessLocked(context, findings)
  },
}
