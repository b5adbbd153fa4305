import { qualified, quote } from '../postgres/identifiers.ts'
import { otherKeys, takeOwnKeysOver } from './ownKeys.ts'
import { literal } from './remake.ts'
import type { Subject } from './subject.ts'

/**
 * PL/pgSQL that validates the foreign keys to the table that are not valid: they came back so with a change of partitions.
 *
 * @param after what follows each: a procedure commits
 */
export function validateLeft(subject: Subject, after = ''): string {
  const taken = takeOwnKeysOver(subject).map((each) => `  ${each};\n${after}`)
  const validated = otherKeys(subject).map(
    ({ key: { table: child, name } }) => `  IF EXISTS (
    SELECT FROM pg_catalog.pg_constraint WHERE conrelid = ${literal(qualified(child))}::pg_catalog.regclass
      AND conname = ${literal(name)} AND NOT convalidated) THEN
    ALTER TABLE ${qualified(child)} VALIDATE CONSTRAINT ${quote(name)};
${after}  END IF;
`,
  )
  return [...validated, ...taken].join('')
}
