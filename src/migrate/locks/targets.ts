import type { ClientBase } from 'pg'
import type { RelationName } from '../../postgres/identifiers.ts'
import type { LockMode } from '../../shadow/locks.ts'
import type { LockWish, Reach } from './lockWishes.ts'

/** A relation that exists now, and the lock that will be asked for. */
export interface LockTarget extends RelationName {
  oid: number
  mode: LockMode
  /** LOCK TABLE takes it. */
  isTable: boolean
}

/** From the wishes of each reach to what they lock. */
const targetsOf: Record<Reach, string> = {
  itself: 'SELECT oid, mode FROM wish',
  descendants: 'SELECT family.oid, mode FROM wish JOIN family ON family.root = wish.oid',
  parents: `SELECT link.inhparent, mode FROM wish
       JOIN pg_catalog.pg_class class ON class.oid = wish.oid AND class.relispartition
       JOIN pg_catalog.pg_inherits link ON link.inhrelid = wish.oid`,
  table: `SELECT index.indrelid, mode FROM wish JOIN family ON family.root = wish.oid
       JOIN pg_catalog.pg_index index ON index.indexrelid = family.oid`,
  indexes: `SELECT index.indexrelid, mode FROM wish
       JOIN pg_catalog.pg_class class ON class.oid = wish.oid
       JOIN pg_catalog.pg_index index ON index.indrelid IN (class.oid, class.reltoastrelid)`,
  referenced: `SELECT linked.confrelid, mode FROM wish
       JOIN pg_catalog.pg_constraint linked ON linked.conrelid = wish.oid AND linked.contype = 'f'
         AND linked.conname = coalesce(wish.key, linked.conname)`,
  referencing: `SELECT linked.conrelid, mode FROM wish
       JOIN pg_catalog.pg_constraint linked ON linked.confrelid = wish.oid AND linked.contype = 'f'`,
}

/**
 * The relations that the wishes mean, as the catalog is now. What does not exist yet, such as a table that the migration
 * makes, is left out. No relation is locked by looking.
 */
export async function findTargets(client: ClientBase, wishes: LockWish[]): Promise<LockTarget[]> {
  if (wishes.length === 0) return []
  const asked = wishes.map(({ relation, constraint, ...wish }) => ({ ...relation, ...wish, key: constraint }))
  // PostgreSQL would plan all seven for longer than it runs the one or two that are asked for.
  const reaches = [...new Set(wishes.map(({ reach }) => reach))].sort()
  const targets = reaches.map((reach) => `${targetsOf[reach]} WHERE reach = '${reach}'`)
  const { rows } = await client.query<LockTarget>(
    `WITH RECURSIVE wish AS (
       SELECT class.oid, asked.mode, asked.reach, asked.key
       FROM pg_catalog.jsonb_to_recordset($1) AS asked(schema text, name text, mode text, reach text, key text)
       JOIN pg_catalog.pg_class class ON class.relname = asked.name
       WHERE CASE WHEN asked.schema IS NULL THEN pg_catalog.pg_table_is_visible(class.oid)
             ELSE class.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = asked.schema) END
     ), family AS (
       SELECT DISTINCT oid AS root, oid FROM wish WHERE reach IN ('descendants', 'table')
       UNION
       SELECT family.root, link.inhrelid FROM family JOIN pg_catalog.pg_inherits link ON link.inhparent = family.oid
     ), target(oid, mode) AS (
       SELECT DISTINCT * FROM (${targets.join(' UNION ALL ')}) AS any_of(oid, mode)
     )
     SELECT target.oid, target.mode, namespace.nspname AS schema, class.relname AS name,
       class.relkind IN ('r', 'p') AS "isTable"
     FROM target
     JOIN pg_catalog.pg_class class ON class.oid = target.oid
     JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     ORDER BY 3, 4, 2`,
    [JSON.stringify(asked)],
  )
  return rows
}
