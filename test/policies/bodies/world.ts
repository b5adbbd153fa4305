import type { Identity } from '../../support/effects.ts'

const id = (number: string) => `00000000-0000-4000-8000-${number.padStart(12, '0')}`

/** People and organisations. */
export const ids = {
  ada: id('a1'),
  bob: id('b1'),
  root: id('c1'),
  stranger: id('d1'),
  red: id('1'),
  green: id('2'),
  blue: id('3'),
  /** No one is a member of it. */
  empty: id('4'),
} as const

const malformed = {
  settings: { 'app.tenant': 'no uuid', 'app.level': 'high' },
  claims: { org: 'no uuid', level: 'high', roles: 'none' },
}

/** Everybody who asks. */
export const everybody: Record<string, Identity> = {
  ada: signedIn(
    ids.ada,
    { 'app.tenant': ids.red, 'app.level': '1' },
    { role: 'editor', org: ids.red, level: 1 },
  ),
  bob: signedIn(ids.bob, { 'app.tenant': ids.green }, { role: 'viewer', org: ids.green, level: 2 }),
  admin: signedIn(ids.root, { 'app.tenant': ids.red, 'app.level': '9' }, { role: 'admin', level: 9 }),
  stranger: signedIn(ids.stranger),
  'anon without claims': { role: 'anon' },
  'malformed claims': signedIn(ids.stranger, malformed.settings, malformed.claims),
  'no uuid': signedIn('no uuid', malformed.settings, malformed.claims),
}

/** Of this caller `auth.uid()` itself cannot say who it is. */
export const unidentified = 'no uuid'

/** A signed-in user with settings and further claims. */
export function signedIn(
  sub: string,
  settings: Record<string, string> = {},
  claims: Record<string, unknown> = {},
): Identity {
  return { role: 'authenticated', claims: { sub, ...claims }, settings }
}

/** What every case finds: run as the owner of the database. */
export const schema = `
  SET check_function_bodies = off;
  CREATE SCHEMA auth;
  CREATE SCHEMA tenant_a;
  CREATE SCHEMA tenant_b;
  GRANT USAGE ON SCHEMA auth, public, tenant_a, tenant_b TO anon, authenticated;
  CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('request.jwt.claim', true), ''),
                    nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
                    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  CREATE TABLE members (
    org_id uuid, user_id uuid, role text, level int, org_int int, org_text text, is_blocked boolean);
  CREATE TABLE orgs (id uuid PRIMARY KEY, number int, owner_id uuid, is_open boolean, settings jsonb);
  CREATE TABLE profiles (id uuid PRIMARY KEY, is_admin boolean, level int, org_id uuid);
  CREATE TABLE docs (
    id int PRIMARY KEY, org_id uuid, owner_id uuid, is_public boolean, org_int int, org_text text, kind text, level int);
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO anon, authenticated;
`

/** Rows of the tables above, but for `docs`, of which each policy has a copy. */
export const rows = `
  INSERT INTO orgs VALUES
    ('${ids.red}', 1, '${ids.ada}', true, '{"plan": "pro", "seats": 3}'),
    ('${ids.green}', 2, '${ids.bob}', false, '{"plan": "free", "seats": "many"}'),
    ('${ids.blue}', 3, '${ids.root}', NULL, NULL),
    ('${ids.empty}', 4, NULL, true, '[]');
  INSERT INTO members VALUES
    ('${ids.red}', '${ids.ada}', 'owner', 2, 1, '${ids.red}', false),
    ('${ids.red}', '${ids.bob}', 'viewer', 0, 1, '${ids.red}', NULL),
    ('${ids.green}', '${ids.bob}', 'owner', 1, 2, '${ids.green}', false),
    ('${ids.green}', '${ids.root}', 'admin', 3, 2, 'no uuid', false),
    ('${ids.blue}', '${ids.ada}', 'viewer', NULL, 3, NULL, true),
    (NULL, '${ids.ada}', 'viewer', 1, NULL, '', NULL),
    ('${ids.green}', NULL, 'viewer', 1, 2, '2', NULL);
  INSERT INTO profiles VALUES
    ('${ids.ada}', false, 1, '${ids.red}'), ('${ids.bob}', NULL, 0, '${ids.green}'), ('${ids.root}', true, 9, NULL);
`

/** How many there are in each table of policies. */
export const documentCount = 9

/** The documents of every policy. */
export function documents(table: string): string {
  return `INSERT INTO ${table} (id, org_id, owner_id, is_public, org_int, org_text, kind, level) VALUES
    (1, '${ids.red}', '${ids.ada}', false, 1, '${ids.red}', 'memo', 1),
    (2, '${ids.red}', '${ids.bob}', false, 1, '${ids.red}', 'plan', 2),
    (3, '${ids.green}', '${ids.bob}', true, 2, '${ids.green}', 'MEMO', 0),
    (4, '${ids.green}', NULL, false, 2, 'no uuid', NULL, NULL),
    (5, '${ids.blue}', '${ids.ada}', NULL, 3, '', 'memo', 0),
    (6, NULL, '${ids.ada}', false, NULL, NULL, 'memo', 1),
    (7, NULL, NULL, NULL, 3, '${ids.red}', 'plan', 2),
    (8, '${ids.empty}', '${ids.bob}', false, 4, '${ids.empty}', 'plan', 1),
    (9, '${ids.green}', '${ids.root}', NULL, 2, '${ids.green}', 'memo', 9)`
}
