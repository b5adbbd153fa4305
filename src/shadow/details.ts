import type { ClientBase } from 'pg'

/** Schemas that PostgreSQL makes itself, and everything that an extension brings, are not ours to copy. */
const ofUser = (relation: string): string => `n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp\\_%'
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = ${relation} AND d.deptype = 'e')`

/** `ARRAY['a=1', 'b=2']` -> `a = '1', b = '2'`. */
const assignments = (options: string, prefix = ''): string => `(
  SELECT pg_catalog.string_agg(pg_catalog.format('${prefix}%I = %L', pg_catalog.split_part(o, '=', 1),
           pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1)), ', ')
  FROM pg_catalog.unnest(${options}) o)`

/** Settings whose value is a list of identifiers, quoted already as far as needed. */
const listSettings = `('search_path', 'temp_tablespaces')`

/**
 * The settings of databases and roles. Libraries that a session loads when it starts are left out: a missing one would
 * keep everybody from logging in.
 */
const settings = `SELECT pg_catalog.format('ALTER %s SET %I TO %s',
    CASE WHEN x.setrole = 0 THEN pg_catalog.format('DATABASE %I', db.datname)
         WHEN x.setdatabase = 0 THEN pg_catalog.format('ROLE %I', r.rolname)
         ELSE pg_catalog.format('ROLE %I IN DATABASE %I', r.rolname, db.datname) END, s.name,
    CASE WHEN s.name IN ${listSettings} THEN s.value ELSE pg_catalog.quote_literal(s.value) END) AS sql
  FROM pg_catalog.pg_db_role_setting x
  LEFT JOIN pg_catalog.pg_database db ON db.oid = x.setdatabase
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.setrole,
  LATERAL (
    SELECT pg_catalog.split_part(c, '=', 1) AS name, pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1) AS value
    FROM pg_catalog.unnest(x.setconfig) c) s
  WHERE (x.setdatabase = 0 OR db.datname = pg_catalog.current_database())
    AND (x.setrole = 0 OR r.rolname NOT LIKE 'pg\\_%') AND s.name NOT LIKE '%preload\\_libraries'`

/** Every table with each table above it, however far. */
const lineage = `lineage (child, ancestor) AS (
  SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits
  UNION
  SELECT l.child, above.inhparent FROM lineage l JOIN pg_catalog.pg_inherits above ON above.inhrelid = l.ancestor)`

/**
 * Inherited columns. pg-delta does not see them, and adds those that the table also declares with a statement that
 * fails, since the copy has inherited them by then. If a column is the same in all ancestors, the copy inherits that
 * too. If not, ONLY changes it without changing the tables below.
 */
const inheritedColumns = `WITH RECURSIVE ${lineage}, columns AS (
    SELECT n.nspname, c.relname, a.attname, a.attrelid, a.attnum, a.attnotnull, a.attislocal, a.attgenerated,
           pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) AS expression, con.conislocal
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_constraint con ON con.conrelid = c.oid AND con.contype = 'n' AND con.conkey[1] = a.attnum
    WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND ${ofUser('c.oid')}
      AND (c.relhassubclass OR EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid)))
  SELECT pg_catalog.format(change, c.nspname, c.relname, c.attname) AS sql
  FROM columns c
  JOIN (
    SELECT l.child, p.attname, pg_catalog.bool_and(p.attnotnull) AS always, pg_catalog.bool_or(p.attnotnull) AS ever,
           pg_catalog.array_agg(DISTINCT p.expression) AS defaults
    FROM lineage l JOIN columns p ON p.attrelid = l.ancestor
    GROUP BY 1, 2) above ON (above.child, above.attname) = (c.attrelid, c.attname),
  LATERAL (VALUES
    -- Declared by the table too, for which no statement is left once it has the column.
    (1, CASE WHEN c.attislocal THEN
       'UPDATE pg_catalog.pg_attribute SET attislocal = true WHERE attname = %3$L AND NOT attislocal AND attrelid = '
       || 'pg_catalog.to_regclass(pg_catalog.format(''%%I.%%I'', %1$L::text, %2$L::text))' END),
    (2, CASE WHEN c.attgenerated = '' AND above.defaults <> ARRAY[c.expression] THEN 'ALTER TABLE ONLY %I.%I ALTER COLUMN %I '
       || coalesce('SET DEFAULT ' || pg_catalog.replace(c.expression, '%', '%%'), 'DROP DEFAULT') END),
    (3, CASE WHEN c.attnotnull AND coalesce(c.conislocal, NOT above.always) THEN
       'ALTER TABLE %I.%I ALTER COLUMN %I SET NOT NULL' END),
    (4, CASE WHEN NOT c.attnotnull AND above.ever THEN
       'ALTER TABLE ONLY %I.%I ALTER COLUMN %I DROP NOT NULL' END)) AS v (step, change)
  WHERE change IS NOT NULL
  ORDER BY v.step`

const details = [
  // NOT NULL that children do not inherit, or that is not validated (PostgreSQL 18).
  `SELECT pg_catalog.format('ALTER TABLE %I.%I ALTER COLUMN %I DROP NOT NULL, ADD %s', n.nspname, c.relname, a.attname,
                            pg_catalog.pg_get_constraintdef(con.oid)) AS sql
   FROM pg_catalog.pg_constraint con
   JOIN pg_catalog.pg_class c ON c.oid = con.conrelid
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = con.conkey[1]
   WHERE con.contype = 'n' AND con.conislocal AND (con.connoinherit OR NOT con.convalidated) AND ${ofUser('c.oid')}`,
  inheritedColumns,
  // Comments on them, once they have their names.
  `SELECT pg_catalog.format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', con.conname, n.nspname, c.relname,
                            pg_catalog.obj_description(con.oid, 'pg_constraint')) AS sql
   FROM pg_catalog.pg_constraint con
   JOIN pg_catalog.pg_class c ON c.oid = con.conrelid
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE con.contype = 'n' AND pg_catalog.obj_description(con.oid, 'pg_constraint') IS NOT NULL AND ${ofUser('c.oid')}`,
  // Statistics targets, n_distinct, storage and compression of columns.
  `SELECT pg_catalog.format('ALTER TABLE %I.%I ALTER COLUMN %I %s', n.nspname, c.relname, a.attname, change) AS sql
   FROM pg_catalog.pg_attribute a
   JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   JOIN pg_catalog.pg_type t ON t.oid = a.atttypid,
   LATERAL (VALUES
     ('SET STATISTICS ' || nullif(a.attstattarget, -1)),
     ('SET (' || ${assignments('a.attoptions')} || ')'),
     (CASE WHEN a.attstorage <> t.typstorage THEN 'SET STORAGE ' || CASE a.attstorage
        WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END),
     ('SET COMPRESSION ' || CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END)) AS v (change)
   WHERE c.relkind IN ('r', 'p', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND change IS NOT NULL
     AND ${ofUser('c.oid')}`,
  // The same for expressions in indexes, which have numbers instead of names.
  `SELECT pg_catalog.format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', n.nspname, c.relname, a.attnum,
                            a.attstattarget) AS sql
   FROM pg_catalog.pg_attribute a
   JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('i', 'I') AND nullif(a.attstattarget, -1) IS NOT NULL AND ${ofUser('c.oid')}`,
  // Grants and comments on columns of views and on inherited columns; defaults of columns of views.
  `SELECT pg_catalog.format(change, n.nspname, c.relname, a.attname) AS sql
   FROM pg_catalog.pg_attribute a
   JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum,
   LATERAL (
     SELECT 'ALTER VIEW %I.%I ALTER COLUMN %I SET DEFAULT '
            || pg_catalog.replace(pg_catalog.pg_get_expr(ad.adbin, ad.adrelid), '%', '%%') WHERE c.relkind = 'v'
     UNION ALL
     SELECT 'COMMENT ON COLUMN %I.%I.%I IS '
            || pg_catalog.replace(pg_catalog.quote_literal(pg_catalog.col_description(c.oid, a.attnum)), '%', '%%')
     UNION ALL
     SELECT pg_catalog.format('GRANT %s (%%3$I) ON %%1$I.%%2$I TO %s %s', g.privilege_type,
              coalesce(pg_catalog.replace(pg_catalog.quote_ident(r.rolname), '%', '%%'), 'PUBLIC'),
              CASE WHEN g.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END)
     FROM pg_catalog.aclexplode(a.attacl) g LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee) AS v (change)
   WHERE (c.relkind IN ('v', 'm') OR c.relkind IN ('r', 'p', 'f') AND a.attinhcount > 0)
     AND a.attnum > 0 AND NOT a.attisdropped AND change IS NOT NULL AND ${ofUser('c.oid')}`,
  // Storage parameters of TOAST tables.
  `SELECT pg_catalog.format('ALTER TABLE %I.%I SET (%s)', n.nspname, c.relname,
                            ${assignments('toast.reloptions', 'toast.')}) AS sql
   FROM pg_catalog.pg_class c
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid
   WHERE toast.reloptions IS NOT NULL AND ${ofUser('c.oid')}`,
  // Storage parameters and comments of the indexes behind constraints; the cluster mark of any index.
  `SELECT pg_catalog.format(change, n.nspname, c.relname, tn.nspname, t.relname) AS sql
   FROM pg_catalog.pg_index i
   JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
   JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace,
   LATERAL (VALUES
     ('ALTER INDEX %1$I.%2$I SET (' || ${assignments('c.reloptions')} || ')'),
     ('COMMENT ON INDEX %1$I.%2$I IS '
      || pg_catalog.replace(pg_catalog.quote_literal(pg_catalog.obj_description(c.oid, 'pg_class')), '%', '%%')),
     (CASE WHEN i.indisclustered THEN 'ALTER TABLE %3$I.%4$I CLUSTER ON %2$I' END)) AS v (change)
   WHERE change IS NOT NULL AND ${ofUser('t.oid')}
     AND (i.indisclustered OR i.indisprimary OR EXISTS (
       SELECT FROM pg_catalog.pg_constraint con WHERE con.conindid = c.oid AND con.contype IN ('u', 'x')))`,
  // Indexes of partitions: each by itself, then attached to the partitioned index above it.
  `SELECT v.sql
   FROM pg_catalog.pg_inherits ih
   JOIN pg_catalog.pg_class c ON c.oid = ih.inhrelid AND c.relkind IN ('i', 'I')
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   JOIN pg_catalog.pg_class p ON p.oid = ih.inhparent
   JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace,
   LATERAL (VALUES
     (1, pg_catalog.pg_get_indexdef(c.oid)),
     (2, pg_catalog.format('ALTER INDEX %I.%I ATTACH PARTITION %I.%I', pn.nspname, p.relname, n.nspname, c.relname))
   ) AS v (step, sql)
   WHERE ${ofUser('c.oid')}
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint con WHERE con.conindid = c.oid AND con.contype IN ('p', 'u', 'x'))
   ORDER BY v.step`,
  // Extended statistics.
  `SELECT v.sql
   FROM pg_catalog.pg_statistic_ext s
   JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
   JOIN pg_catalog.pg_roles r ON r.oid = s.stxowner,
   LATERAL (VALUES
     (1, pg_catalog.pg_get_statisticsobjdef(s.oid)),
     (2, pg_catalog.format('ALTER STATISTICS %I.%I OWNER TO %I', n.nspname, s.stxname, r.rolname)),
     (3, pg_catalog.format('ALTER STATISTICS %I.%I SET STATISTICS ', n.nspname, s.stxname)
           || nullif(s.stxstattarget, -1)),
     (4, pg_catalog.format('COMMENT ON STATISTICS %I.%I IS ', n.nspname, s.stxname)
           || pg_catalog.quote_literal(pg_catalog.obj_description(s.oid, 'pg_statistic_ext')))) AS v (step, sql)
   WHERE v.sql IS NOT NULL AND ${ofUser('s.stxrelid')}
   ORDER BY s.oid, v.step`,
  // Grants on the sequences of identity columns.
  `SELECT pg_catalog.format('GRANT %s ON SEQUENCE %I.%I TO %s %s', g.privilege_type, n.nspname, c.relname,
            coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC'),
            CASE WHEN g.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END) AS sql
   FROM pg_catalog.pg_class c
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) g
   LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
   WHERE c.relkind = 'S' AND ${ofUser('c.oid')} AND EXISTS (
     SELECT FROM pg_catalog.pg_depend d
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'i')`,
  // Memberships in predefined roles.
  `SELECT DISTINCT pg_catalog.format('GRANT %I TO %I', role.rolname, member.rolname) AS sql
   FROM pg_catalog.pg_auth_members m
   JOIN pg_catalog.pg_roles role ON role.oid = m.roleid
   JOIN pg_catalog.pg_roles member ON member.oid = m.member
   WHERE role.rolname LIKE 'pg\\_%' AND member.rolname NOT LIKE 'pg\\_%'`,
  // Grants on the database, in place of those that every new database has.
  `SELECT pg_catalog.format('REVOKE ALL ON DATABASE %I FROM PUBLIC', datname) AS sql
   FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database() AND datacl IS NOT NULL
   UNION ALL
   SELECT pg_catalog.format('GRANT %s ON DATABASE %I TO %s %s', g.privilege_type, d.datname,
            coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC'),
            CASE WHEN g.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END)
   FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) g
   LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
   WHERE d.datname = pg_catalog.current_database()`,
  `SELECT pg_catalog.format('ALTER ROLE %I CONNECTION LIMIT %s', rolname, rolconnlimit) AS sql
   FROM pg_catalog.pg_roles WHERE rolconnlimit <> -1 AND rolname NOT LIKE 'pg\\_%'`,
  `SELECT pg_catalog.format('ALTER DATABASE %I CONNECTION LIMIT %s', datname, datconnlimit) AS sql
   FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database() AND datconnlimit <> -1`,
  `SELECT pg_catalog.format('COMMENT ON DATABASE %I IS %L', datname,
                            pg_catalog.shobj_description(oid, 'pg_database')) AS sql
   FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
  settings,
]

/** The statements that set, in a copy, what pg-delta does not model but a fingerprint contains. */
export async function readDetails(source: ClientBase): Promise<string[]> {
  const statements: string[] = []
  for (const detail of details) {
    const { rows } = await source.query<{ sql: string }>(detail)
    statements.push(...rows.map(({ sql }) => sql))
  }
  return statements
}
