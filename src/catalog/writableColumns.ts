import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** What a role may write of a table, column by column; generated columns are left out, since nobody writes them. */
export interface WritableColumns {
  role: string
  insert: string[]
  update: string[]
}

/** For each of the roles, the columns of the table that it may write. */
export async function findWritableColumns(
  db: Database,
  tableOid: number,
  roles: string[],
): Promise<Map<string, WritableColumns>> {
  const { rows } = await sql<WritableColumns>`
    SELECT role.rolname::text AS role, ${columnsWith('INSERT', tableOid)} AS insert, ${columnsWith('UPDATE', tableOid)} AS update
    FROM pg_catalog.pg_roles role WHERE role.rolname::text = ANY (${roles}::text[])`.execute(db)
  return new Map(rows.map((row) => [row.role, row]))
}

function columnsWith(privilege: 'INSERT' | 'UPDATE', tableOid: number) {
  return sql`ARRAY(SELECT attribute.attname::text FROM pg_catalog.pg_attribute attribute
    WHERE attribute.attrelid = ${tableOid}::oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
      AND attribute.attgenerated = ''
      AND pg_catalog.has_column_privilege(role.oid, attribute.attrelid, attribute.attnum, ${privilege})
    ORDER BY attribute.attnum)`
}
