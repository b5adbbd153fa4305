import type { Client } from 'pg'

/** The tables of `createLargeSchema`; about ten findings each. */
export const largeSchemaTables = 300

/**
 * A schema as it grows in years: 300 tables of one schema, each with what teams leave behind. Policies call functions
 * for each row and look up memberships in a helper, foreign keys have no index, indexes do the work of others,
 * constraints were never validated, functions have no search_path of their own, sequences come to their end.
 *
 * @param owner owns everything and is no superuser; `auth` has to be there
 */
export async function createLargeSchema(owner: Client, tables = largeSchemaTables): Promise<void> {
  await owner.query(common)
  for (let at = 0; at < tables; at += 1) await owner.query(table(at))
  // Changes that are counted after ANALYZE would count as made since.
  await owner.query('SELECT pg_stat_force_next_flush()')
  await owner.query('ANALYZE')
}

const common = `
  CREATE SCHEMA grown;
  GRANT USAGE ON SCHEMA grown TO anon, authenticated;
  CREATE TABLE grown.tenants (id bigint PRIMARY KEY, name text);
  INSERT INTO grown.tenants SELECT n, 'tenant ' || n FROM generate_series(1, 20) n;
  CREATE TABLE grown.members (tenant_id bigint REFERENCES grown.tenants, user_id uuid, role text, PRIMARY KEY (tenant_id, user_id));
  CREATE INDEX members_user_id_idx ON grown.members (user_id);
  INSERT INTO grown.members SELECT n, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'admin' FROM generate_series(1, 20) n;
  CREATE FUNCTION grown.is_admin() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT EXISTS (SELECT 1 FROM grown.members WHERE user_id = auth.uid() AND role = 'owner') $$;
  CREATE FUNCTION grown.is_member(wanted bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT EXISTS (SELECT 1 FROM grown.members m WHERE m.tenant_id = wanted AND m.user_id = auth.uid()) $$;`

/** Names of all the kinds of things that applications store, so that names sort in no order of size. */
const things = [
  'invoices',
  'orders',
  'events',
  'comments',
  'files',
  'tasks',
  'payments',
  'visits',
  'notes',
  'labels',
]

function table(at: number): string {
  const name = `${things[at % things.length] ?? ''}_${String(at).padStart(3, '0')}`
  const full = `grown.${name}`
  const every = (nth: number, sql: string): string => (at % nth === 0 ? sql : '')
  // More than the 128 kB from which on an index pays, and a few much larger.
  const rows = at % 50 === 0 ? 1_500 : 170
  return `
    CREATE TABLE ${full} (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      tenant_id bigint NOT NULL CONSTRAINT ${name}_tenant_fkey REFERENCES grown.tenants,
      other_id bigint CONSTRAINT ${name}_other_fkey REFERENCES grown.tenants,
      owner_id uuid NOT NULL, author_id uuid, title text, amount integer NOT NULL, is_open boolean, at timestamptz DEFAULT now(), body text);
    INSERT INTO ${full} (tenant_id, other_id, owner_id, author_id, title, amount, is_open, body)
      SELECT 1 + n % 20, 1 + n % 7, ('00000000-0000-4000-8000-' || lpad((1 + n % 20)::text, 12, '0'))::uuid, NULL,
        'title ' || n, n, n % 50 = 0, repeat('x', 1000) FROM generate_series(1, ${rows}) n;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ${full} TO authenticated;
    CREATE INDEX ${name}_at_amount_idx ON ${full} (at, amount);
    CREATE INDEX ${name}_at_idx ON ${full} (at);
    CREATE INDEX ${name}_title_idx ON ${full} (title);
    CREATE INDEX ${name}_title_idx1 ON ${full} (title);
    ALTER TABLE ${full} ADD CONSTRAINT ${name}_amount_check CHECK (amount > 0) NOT VALID;
    ALTER TABLE ${full} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY read_own ON ${full} FOR SELECT TO authenticated USING (owner_id = auth.uid());
    CREATE POLICY write_own ON ${full} FOR UPDATE TO authenticated USING (owner_id = auth.uid()) WITH CHECK (owner_id = auth.uid());
    CREATE POLICY remove_own ON ${full} FOR DELETE TO authenticated USING (owner_id = auth.uid() OR grown.is_admin());
    ${every(2, `CREATE FUNCTION grown.touch_${name}() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT count(*) FROM ${full}';`)}
    ${every(3, `CREATE POLICY read_as_member ON ${full} FOR SELECT TO authenticated USING (grown.is_member(tenant_id));`)}
    ${every(5, `CREATE POLICY read_own_again ON ${full} FOR SELECT TO authenticated USING (owner_id = auth.uid());`)}
    ${every(6, `CREATE TABLE grown.${name}_log (id bigint NOT NULL UNIQUE, what text); INSERT INTO grown.${name}_log SELECT n, 'x' FROM generate_series(1, 100) n;`)}
    ${every(10, `CREATE TABLE grown.${name}_open (id serial PRIMARY KEY); SELECT setval('grown.${name}_open_id_seq', 2000000000);`)}
    ${every(12, `CREATE INDEX ${name}_flag_idx ON ${full} (is_open);`)}
    ${every(15, `ALTER TABLE ${full} ADD CONSTRAINT ${name}_tenant_fkey1 FOREIGN KEY (tenant_id) REFERENCES grown.tenants;`)}
  `
}
