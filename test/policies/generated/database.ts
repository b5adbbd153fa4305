import type { Identity } from '../../support/effects.ts'
import type { Application } from './applications.ts'
import type { Shape } from './shapes.ts'

const person = (number: number) => `00000000-0000-4000-8000-0000000000a${number}`
const group = (number: number) => `00000000-0000-4000-8000-0000000000b${number.toString(16)}`

/** Seven callers: owners and members, an administrator, one without any membership, one with claims only, and a visitor. */
export const callers: Record<string, Identity> = {
  owner: signedIn(1),
  member: signedIn(2),
  'inactive member': signedIn(3),
  administrator: signedIn(4),
  stranger: signedIn(5),
  'caller with claims': signedIn(6, { level: 'staff', org: group(2), scopes: ['all'] }),
  visitor: { role: 'anon' },
}

function signedIn(number: number, claims: Record<string, unknown> = {}): Identity {
  return { role: 'authenticated', claims: { sub: person(number), ...claims } }
}

/** What every application has: who is calling, administrators and permissions. */
export const platform = `
  CREATE SCHEMA auth;
  GRANT USAGE ON SCHEMA auth, public TO anon, authenticated;
  CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  CREATE TABLE admins (user_id uuid PRIMARY KEY);
  CREATE TABLE permissions (role text, action text, PRIMARY KEY (role, action));
  INSERT INTO admins VALUES ('${person(4)}');
  GRANT SELECT ON admins, permissions TO anon, authenticated;`

/** The tables of an application, with rows: people, what they belong to, and in which role. */
export function tablesOf({ groups, members, key, roles }: Application): string {
  return `
    CREATE TABLE ${groups} (id uuid PRIMARY KEY, owner_id uuid);
    CREATE TABLE ${members} (
      ${key} uuid NOT NULL, user_id uuid NOT NULL, role text NOT NULL, is_active boolean, PRIMARY KEY (${key}, user_id));
    GRANT SELECT ON ${groups}, ${members} TO anon, authenticated;
    INSERT INTO permissions SELECT role, 'write' FROM unnest(ARRAY['${roles[0]}', '${roles[1]}']) role ON CONFLICT DO NOTHING;
    INSERT INTO permissions SELECT role, 'read' FROM unnest(ARRAY['${roles.join("', '")}']) role ON CONFLICT DO NOTHING;
    INSERT INTO ${groups} SELECT ('${group(0).slice(0, -1)}' || to_hex(n))::uuid,
      CASE WHEN n % 4 < 3 THEN ('${person(0).slice(0, -1)}' || n % 4 + 1)::uuid END FROM generate_series(0, 11) n;
    INSERT INTO ${members}
    SELECT ('${group(0).slice(0, -1)}' || to_hex(n))::uuid, ('${person(0).slice(0, -1)}' || p)::uuid,
      (ARRAY['${roles.join("', '")}'])[(n + p) % 3 + 1], CASE (n + p) % 4 WHEN 0 THEN NULL WHEN 1 THEN false ELSE true END
    FROM generate_series(0, 11) n, generate_series(1, 4) p WHERE (n * p + n) % 3 > 0 AND (p < 4 OR n < 3);`
}

/** The table whose policies ask what the shape says. */
export function tableOf({ items }: Application, { name }: Shape): string {
  return `${items}_${name}`
}

/** The shape's functions and a table of its own with rows, whose policies call them. */
export function policiesOf(application: Application, shape: Shape, index: number): string {
  const table = tableOf(application, shape)
  const named = (text: string) => text.replaceAll(/\bf_(?=\w)/g, `${shape.name}_${application.name}_`)
  const predicate = named(shape.predicate(application))
  const policies = [
    [`FOR ALL USING (${predicate})`],
    [`FOR SELECT USING (${predicate})`, `FOR INSERT WITH CHECK (${predicate})`],
    [`FOR SELECT USING (true)`, `FOR UPDATE USING (${predicate})`, `FOR DELETE USING (${predicate})`],
  ][index % 3]
  return `
    ${named(shape.functions(application))}
    CREATE TABLE ${table} (id int PRIMARY KEY, ${application.key} uuid, author_id uuid, note text);
    INSERT INTO ${table} SELECT n, CASE WHEN n % 13 > 0 THEN ('${group(0).slice(0, -1)}' || to_hex(n % 12))::uuid END,
      CASE WHEN n % 7 > 0 THEN ('${person(0).slice(0, -1)}' || n % 6 + 1)::uuid END, 'note ' || n FROM generate_series(1, 40) n;
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO anon, authenticated;
    ${policies?.map((clause, at) => `CREATE POLICY p${at} ON ${table} ${clause};`).join(' ') ?? ''}`
}
