import type { ClientBase } from 'pg'
import type { WorkloadStatement } from '../../workload/workloadFile.ts'
import { generateOffice, officeSize } from '../officeSchema.ts'

/** Whoever sends the statements: policies count for them. */
const role = 'office_user'
const claims = { sub: '00000000-0000-4000-8000-000000000007', role }
/** Generated tables: the others are those that they refer to. */
const madeTables = officeSize.tables - 4

/**
 * Makes the schema of a large office suite with rows: 500 to 5,000 in each table, the same every time.
 *
 * @param superuser foreign keys are not checked while it fills the tables
 */
export async function fillOffice(superuser: ClientBase): Promise<void> {
  await generateOffice(superuser)
  await superuser.query(`
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role}; END IF;
    END $$;
    GRANT USAGE ON SCHEMA public, auth TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role};
    CREATE FUNCTION pg_temp.id(kind int, n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
      $$ SELECT (lpad(kind::text, 8, '0') || '-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
    SET session_replication_role = replica;
    INSERT INTO public.organisations SELECT pg_temp.id(1, n), 'organisation ' || n, pg_temp.id(0, n) FROM generate_series(0, 49) n;
    INSERT INTO public.teams SELECT pg_temp.id(2, n), pg_temp.id(1, n % 50), 'team ' || n FROM generate_series(0, 199) n;
    INSERT INTO public.memberships
      SELECT pg_temp.id(3, n), pg_temp.id(1, n % 50), pg_temp.id(0, n % 997), (ARRAY['editor', 'reader', 'owner'])[1 + n % 3]
      FROM generate_series(0, 4999) n;
    INSERT INTO public.team_members SELECT pg_temp.id(4, n), pg_temp.id(2, n % 200), pg_temp.id(0, n % 991) FROM generate_series(0, 7999) n;
    CREATE TEMPORARY TABLE item (LIKE public.item_0);
    INSERT INTO pg_temp.item
      SELECT pg_temp.id(5, n), pg_temp.id(1, n * 7 % 50), pg_temp.id(2, n * 11 % 200), pg_temp.id(0, n * 13 % 977), pg_temp.id(5, n / 3),
        'title ' || md5(n::text), (ARRAY['open', 'closed', 'closed', 'closed', 'archived'])[1 + n % 5], n % 20 = 0,
        ARRAY['l' || n % 40, 'm' || n % 11], n % 1000 + 0.5, timestamptz '2026-01-01' + n * interval '1 hour',
        timestamptz '2026-03-01' + n * 7919 % 5000 * interval '1 hour'
      FROM generate_series(0, 4999) n;
    DO $$ BEGIN
      FOR n IN 0..${madeTables - 1} LOOP
        EXECUTE format('INSERT INTO public.%I SELECT * FROM pg_temp.item LIMIT %s', 'item_' || n, 500 * (1 + n % 10));
      END LOOP;
    END $$;
    DROP TABLE pg_temp.item;
    RESET session_replication_role`)
  await superuser.query('VACUUM (ANALYZE)')
}

/** What an application asks of a table, and of the table that it refers to. */
const shapes: ((table: string, parent: string) => string)[] = [
  (table) => `SELECT * FROM ${table} WHERE id = '00000005-0000-4000-8000-000000000123'`,
  (table) =>
    `SELECT id, title FROM ${table} WHERE team_id = '00000002-0000-4000-8000-000000000017' ORDER BY created_at DESC LIMIT 20`,
  (table) => `SELECT count(*) FROM ${table} WHERE status = 'open' AND changed_at >= timestamptz '2026-09-01'`,
  (table, parent) =>
    `SELECT t.id, t.title, p.title FROM ${table} t JOIN ${parent} p ON p.id = t.parent_id WHERE p.owner_id = '00000000-0000-4000-8000-000000000007' AND t.status <> 'archived'`,
  (table) =>
    `UPDATE ${table} SET changed_at = now() WHERE owner_id = '00000000-0000-4000-8000-000000000031' AND status = 'open'`,
  (table) => `SELECT id FROM ${table} WHERE labels @> ARRAY['l7'] ORDER BY changed_at DESC LIMIT 10`,
  (table) => `SELECT * FROM ${table} WHERE lower(title) = 'title abc'`,
  (table) =>
    `SELECT status, count(*), max(changed_at) FROM ${table} WHERE organisation_id = '00000001-0000-4000-8000-000000000003' GROUP BY status`,
  (table, parent) =>
    `SELECT t.title, o.name FROM ${table} t JOIN public.organisations o ON o.id = t.organisation_id WHERE t.amount BETWEEN 10 AND 20 AND EXISTS (SELECT FROM ${parent} p WHERE p.parent_id = t.id)`,
  (table) =>
    `SELECT * FROM ${table} WHERE (created_at, id) < (timestamptz '2026-05-01', '00000005-0000-4000-8000-000000000999') ORDER BY created_at DESC, id DESC LIMIT 25`,
]

/** So many statements, each on a table of its own as long as there are tables; every second one behind its policies. */
export function officeStatements(count: number): WorkloadStatement[] {
  return Array.from({ length: count }, (_, at) => {
    const table = at % madeTables
    const shape = shapes[(at + Math.floor(at / madeTables)) % shapes.length] as (typeof shapes)[number]
    const behindPolicies = at % 4 < 2
    return {
      name: `office_${at}`,
      line: at + 1,
      calls: 1 + ((at * 7919) % 1000),
      types: [],
      args: [[]],
      role: behindPolicies ? role : undefined,
      claims: behindPolicies ? claims : undefined,
      sql: shape(`public.item_${table}`, `public.item_${(table + 1) % madeTables}`),
    }
  })
}
