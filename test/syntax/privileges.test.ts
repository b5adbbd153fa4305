import { expect, test } from 'vitest'
import { needsOf } from '../../src/syntax/privileges.ts'
import { splitStatements } from '../../src/syntax/statements.ts'

test.each([
  ['CREATE INDEX i ON a.t (b)', ['t']],
  ['ALTER TABLE a.t ADD FOREIGN KEY (b) REFERENCES auth.users (id)', ['t']],
  ['ALTER TABLE a.t ATTACH PARTITION a.p DEFAULT', ['t', 'p']],
  ['ALTER TABLE a.t DETACH PARTITION a.p', ['t', 'p']],
  ['ALTER TABLE a.t INHERIT a.p', ['t', 'p']],
  ['CREATE POLICY p ON a.t USING (EXISTS (SELECT FROM auth.users))', ['t']],
  ['ALTER POLICY p ON a.t USING (EXISTS (SELECT FROM auth.users))', ['t']],
  ['DROP POLICY p ON a.t', ['t']],
  ['DROP TABLE a.t, a.u', ['t', 'u']],
  ['ALTER TABLE a.t RENAME TO u', ['t']],
  ['REINDEX TABLE a.t', ['t']],
  ['SELECT FROM a.t', []],
])('%s needs the owner of what it changes, and of nothing else', async (sql, owned) => {
  const [statement] = await splitStatements(sql)
  expect(needsOf(statement?.node ?? {}).owned.map(({ name }) => name)).toEqual(owned)
})
