import type { Client } from 'pg'
import { casaoraOwner } from '../../src/bench/casaora/load.ts'
import { quote } from '../../src/postgres/identifiers.ts'
import type { PolicyRewrite } from '../../src/policies/proof/rewritten.ts'

/** Documents of people and teams, with the helpers that policies usually call. */
const schema = `
  SET check_function_bodies = off;
  CREATE SCHEMA auth;
  GRANT USAGE ON SCHEMA auth, public TO anon, authenticated, service_role;
  CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('request.jwt.claim', true), ''),
                    nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
                    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;

  CREATE TABLE profiles (id uuid PRIMARY KEY, is_admin boolean NOT NULL DEFAULT false, is_suspended boolean);
  CREATE TABLE user_roles (user_id uuid NOT NULL, role text NOT NULL, PRIMARY KEY (user_id, role));
  CREATE TABLE teams (id int PRIMARY KEY, owner_id uuid NOT NULL);
  CREATE TABLE team_members (
    team_id int NOT NULL, user_id uuid NOT NULL, level int NOT NULL, is_blocked boolean, PRIMARY KEY (team_id, user_id));
  CREATE TYPE document_status AS ENUM ('draft', 'review', 'published', 'archived');
  CREATE TABLE documents (
    id int PRIMARY KEY,
    owner_id uuid,
    editor_id uuid,
    team_id int,
    other_team_id int,
    status document_status NOT NULL,
    is_public boolean,
    is_locked boolean NOT NULL DEFAULT false,
    kind text,
    starts_on date,
    ends_on date,
    reviewer_ids uuid[],
    meta jsonb);

  CREATE FUNCTION is_admin() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM public.profiles p WHERE p.id = auth.uid() AND p.is_admin) $$;
  CREATE FUNCTION role_of_user() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
    BEGIN RETURN (SELECT min(r.role) FROM public.user_roles r WHERE r.user_id = auth.uid()); END $$;
  CREATE FUNCTION has_role(wanted text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM public.user_roles r WHERE r.user_id = auth.uid() AND r.role = wanted) $$;
  CREATE FUNCTION user_teams() RETURNS int[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT array_agg(m.team_id) FROM public.team_members m WHERE m.user_id = auth.uid() $$;
  CREATE FUNCTION team_ids() RETURNS SETOF int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT m.team_id FROM public.team_members m WHERE m.user_id = auth.uid() AND m.is_blocked IS NOT TRUE $$;
  CREATE FUNCTION is_member(team int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM public.team_members m
      WHERE m.team_id = team AND m.user_id = auth.uid() AND m.is_blocked IS NOT TRUE) $$;
  CREATE FUNCTION quota_left() RETURNS boolean LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = '' AS $$
    SELECT count(*) < 3 FROM public.documents d WHERE d.owner_id = auth.uid() $$;

  ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
  ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
  CREATE POLICY "teams are for all" ON teams USING (true);
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO anon, authenticated, service_role;
`

const rows = `
  INSERT INTO profiles SELECT md5('user ' || n)::uuid, n % 17 = 0, CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END
    FROM generate_series(1, 60) n;
  INSERT INTO user_roles SELECT md5('user ' || n)::uuid, (ARRAY['editor', 'viewer', 'auditor'])[1 + n % 3]
    FROM generate_series(1, 60) n WHERE n % 4 > 0;
  INSERT INTO teams SELECT n, md5('user ' || n)::uuid FROM generate_series(1, 12) n;
  INSERT INTO team_members SELECT 1 + (n * t) % 12, md5('user ' || n)::uuid, n % 4, CASE (n + t) % 5 WHEN 0 THEN true WHEN 1 THEN false END
    FROM generate_series(1, 50) n, generate_series(1, 3) t ON CONFLICT DO NOTHING;
  INSERT INTO documents
    SELECT n, CASE WHEN n % 9 > 0 THEN md5('user ' || (1 + n % 60))::uuid END,
      CASE WHEN n % 7 > 0 THEN md5('user ' || (1 + n * 7 % 60))::uuid END,
      CASE WHEN n % 8 > 0 THEN 1 + n % 12 END, CASE WHEN n % 5 > 0 THEN 1 + n * 5 % 12 END,
      (ARRAY['draft', 'review', 'published', 'archived'])[1 + n % 4]::document_status,
      CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END, n % 6 = 0,
      (ARRAY['memo', 'contract', 'plan', NULL])[1 + n % 4],
      current_date + (n % 41 - 20), current_date + (n % 37 - 10),
      CASE WHEN n % 4 > 0 THEN ARRAY[md5('user ' || (1 + n % 60))::uuid, md5('user ' || (1 + n * 3 % 60))::uuid] END,
      jsonb_build_object('region', (ARRAY['north', 'south'])[1 + n % 2])
    FROM generate_series(1, 900) n;
  ANALYZE;
`

/** Fills an empty database; everything belongs to the owner. The roles are there already. */
export async function makeWorkspace(superuser: Client, options: { rows?: boolean } = {}): Promise<void> {
  await superuser.query(`SET ROLE ${quote(casaoraOwner)}`)
  await superuser.query(schema)
  if (options.rows ?? true) await superuser.query(rows)
  await superuser.query('RESET ROLE; RESET check_function_bodies')
}

/** A policy of `documents` and its right rewrite. */
export interface Rewrite {
  name: string
  /** `FOR SELECT TO authenticated USING (...)` */
  policy: string
  /** With a restrictive policy, one that lets everything pass stands beside it. */
  isRestrictive?: boolean
  /** One for owners stands beside it: where the claims cannot be read, its `auth.uid()` fails today. */
  besideOwners?: boolean
  using: string | null
  check: string | null
}

export const rightRewrites: Rewrite[] = [
  {
    name: 'wrap uid',
    policy: 'FOR SELECT TO authenticated USING (owner_id = auth.uid())',
    using: '(owner_id = ( SELECT auth.uid() AS uid))',
    check: null,
  },
  {
    name: 'wrap is_admin',
    policy: 'FOR ALL TO authenticated USING (is_admin())',
    using: '( SELECT public.is_admin() AS is_admin)',
    check: null,
  },
  {
    name: 'both arms of an OR',
    policy: `FOR SELECT USING (owner_id = auth.uid() OR (is_admin() AND status <> 'draft'))`,
    using: `((owner_id = ( SELECT auth.uid() AS uid)) OR (( SELECT public.is_admin() AS is_admin) AND (status <> 'draft'::public.document_status)))`,
    check: null,
  },
  {
    name: 'role compared',
    policy: `FOR SELECT TO authenticated USING (kind = role_of_user() OR role_of_user() = 'editor')`,
    using: `((kind = ( SELECT public.role_of_user() AS role_of_user)) OR (( SELECT public.role_of_user() AS role_of_user) = 'editor'::text))`,
    check: null,
  },
  {
    name: 'has_role',
    besideOwners: true,
    policy: `FOR UPDATE TO authenticated USING (has_role('editor') AND NOT is_locked) WITH CHECK (has_role('editor') AND status <> 'archived')`,
    using: `(( SELECT public.has_role('editor'::text) AS has_role) AND (NOT is_locked))`,
    check: `(( SELECT public.has_role('editor'::text) AS has_role) AND (status <> 'archived'::public.document_status))`,
  },
  {
    name: 'any(user_teams())',
    policy: 'FOR SELECT TO authenticated USING (team_id = ANY (user_teams()))',
    using: '(team_id = ANY (( SELECT public.user_teams() AS user_teams)::integer[]))',
    check: null,
  },
  {
    name: 'membership helper',
    policy: 'FOR ALL TO authenticated USING (is_member(team_id))',
    using: '(team_id = ANY (ARRAY( SELECT public.team_ids() AS team_ids)))',
    check: null,
  },
  {
    name: 'membership and status',
    besideOwners: true,
    policy: `FOR ALL TO authenticated USING (is_member(team_id) AND status IN ('review', 'published') AND is_public IS NOT FALSE)`,
    using: `((team_id IN ( SELECT public.team_ids() AS team_ids)) AND (status = ANY (ARRAY['review'::public.document_status, 'published'::public.document_status])) AND (is_public IS NOT FALSE))`,
    check: null,
  },
  {
    name: 'correlated turned round',
    policy:
      'FOR SELECT TO authenticated USING (EXISTS (SELECT FROM team_members m WHERE m.team_id = documents.team_id AND m.user_id = auth.uid() AND m.level >= 2))',
    using:
      '(team_id IN ( SELECT m.team_id FROM public.team_members m WHERE ((m.user_id = ( SELECT auth.uid() AS uid)) AND (m.level >= 2))))',
    check: null,
  },
  {
    name: 'through a parent',
    policy:
      'FOR DELETE TO authenticated USING (EXISTS (SELECT FROM teams t WHERE t.id = team_id AND t.owner_id = auth.uid()) AND NOT is_locked)',
    using:
      '((team_id IN ( SELECT t.id FROM public.teams t WHERE (t.owner_id = ( SELECT auth.uid() AS uid)))) AND (NOT is_locked))',
    check: null,
  },
  {
    name: 'with check',
    policy: `FOR INSERT TO authenticated WITH CHECK (owner_id = auth.uid() AND status = 'draft' AND kind IS NOT NULL)`,
    using: null,
    check: `((owner_id = ( SELECT auth.uid() AS uid)) AND (status = 'draft'::public.document_status) AND (kind IS NOT NULL))`,
  },
  {
    name: 'restrictive',
    isRestrictive: true,
    policy: `FOR ALL USING (NOT is_locked OR owner_id = auth.uid() OR editor_id = auth.uid())`,
    using: `((NOT is_locked) OR (owner_id = ( SELECT auth.uid() AS uid)) OR (editor_id = ( SELECT auth.uid() AS uid)))`,
    check: null,
  },
  {
    name: 'columns that may be NULL',
    policy: `FOR SELECT TO authenticated USING ((is_public OR coalesce(editor_id, owner_id) = auth.uid()) AND kind IS DISTINCT FROM 'contract')`,
    using: `((is_public OR (COALESCE(editor_id, owner_id) = ( SELECT auth.uid() AS uid))) AND (kind IS DISTINCT FROM 'contract'::text))`,
    check: null,
  },
  {
    name: 'dates',
    policy: `FOR SELECT TO anon, authenticated USING (starts_on <= current_date AND ends_on >= current_date AND (status = 'published' OR owner_id = auth.uid()))`,
    using: `((starts_on <= CURRENT_DATE) AND (ends_on >= CURRENT_DATE) AND ((status = 'published'::public.document_status) OR (owner_id = ( SELECT auth.uid() AS uid))))`,
    check: null,
  },
  {
    name: 'arrays and claims',
    policy: `FOR SELECT TO authenticated USING (auth.uid() = ANY (reviewer_ids) OR meta ->> 'region' = auth.jwt() ->> 'region')`,
    using: `((( SELECT auth.uid() AS uid) = ANY (reviewer_ids)) OR ((meta ->> 'region'::text) = ( SELECT (auth.jwt() ->> 'region'::text))))`,
    check: null,
  },
  {
    name: 'not suspended',
    policy: `FOR SELECT TO authenticated USING (EXISTS (SELECT FROM profiles p WHERE p.id = auth.uid() AND p.is_suspended IS NOT TRUE) AND (team_id = other_team_id OR editor_id = auth.uid()))`,
    using: `((EXISTS ( SELECT FROM public.profiles p WHERE ((p.id = ( SELECT auth.uid() AS uid)) AND (p.is_suspended IS NOT TRUE)))) AND ((team_id = other_team_id) OR (editor_id = ( SELECT auth.uid() AS uid))))`,
    check: null,
  },
  {
    name: "a draft is its owner's, else everybody's of the team",
    policy: `FOR SELECT TO authenticated USING (CASE WHEN status = 'draft' THEN owner_id = auth.uid() ELSE is_member(team_id) END)`,
    using: `CASE WHEN (status = 'draft'::public.document_status) THEN (owner_id = ( SELECT auth.uid() AS uid)) ELSE (team_id = ANY (ARRAY( SELECT public.team_ids() AS team_ids))) END`,
    check: null,
  },
  {
    name: 'owner, editor or team',
    policy: `FOR ALL TO authenticated USING (auth.uid() IN (owner_id, editor_id) OR is_member(team_id)) WITH CHECK (owner_id = auth.uid() AND (team_id IS NULL OR is_member(team_id)))`,
    using: `((( SELECT auth.uid() AS uid) = ANY (ARRAY[owner_id, editor_id])) OR (team_id = ANY (ARRAY( SELECT public.team_ids() AS team_ids))))`,
    check: `((owner_id = ( SELECT auth.uid() AS uid)) AND ((team_id IS NULL) OR (team_id = ANY (ARRAY( SELECT public.team_ids() AS team_ids)))))`,
  },
  {
    name: 'two correlated, one within a level',
    policy: `FOR UPDATE TO authenticated USING (EXISTS (SELECT FROM team_members m WHERE m.team_id = documents.team_id AND m.user_id = auth.uid() AND m.level > 0 AND m.is_blocked IS NOT TRUE) OR EXISTS (SELECT FROM teams t WHERE t.id = documents.other_team_id AND t.owner_id = auth.uid())) WITH CHECK (NOT is_locked AND ends_on > starts_on)`,
    using: `((team_id IN ( SELECT m.team_id FROM public.team_members m WHERE ((m.user_id = ( SELECT auth.uid() AS uid)) AND (m.level > 0) AND (m.is_blocked IS NOT TRUE)))) OR (other_team_id IN ( SELECT t.id FROM public.teams t WHERE (t.owner_id = ( SELECT auth.uid() AS uid)))))`,
    check: `((NOT is_locked) AND (ends_on > starts_on))`,
  },
  {
    name: 'administrators of the region',
    besideOwners: true,
    policy: `FOR DELETE TO authenticated USING (is_admin() AND (meta ->> 'region' = auth.jwt() -> 'app_metadata' ->> 'region' OR meta IS NULL) AND status IN ('draft', 'archived'))`,
    using: `(( SELECT public.is_admin() AS is_admin) AND (((meta ->> 'region'::text) = ( SELECT ((auth.jwt() -> 'app_metadata'::text) ->> 'region'::text))) OR (meta IS NULL)) AND (status = ANY (ARRAY['draft'::public.document_status, 'archived'::public.document_status])))`,
    check: null,
  },
  {
    name: 'roles in a list, a window of days',
    policy: `FOR SELECT TO authenticated USING ((role_of_user() IN ('editor', 'auditor') AND starts_on >= current_date - 7 AND starts_on < current_date + 7) OR owner_id = auth.uid())`,
    using: `(((( SELECT public.role_of_user() AS role_of_user) = ANY (ARRAY['editor'::text, 'auditor'::text])) AND (starts_on >= (CURRENT_DATE - 7)) AND (starts_on < (CURRENT_DATE + 7))) OR (owner_id = ( SELECT auth.uid() AS uid)))`,
    check: null,
  },
  {
    name: "restrictive for members, or nobody's",
    isRestrictive: true,
    policy: `FOR SELECT TO authenticated USING (owner_id IS NULL OR is_member(team_id) OR is_member(other_team_id) OR has_role('auditor'))`,
    using: `((owner_id IS NULL) OR (team_id IN ( SELECT public.team_ids() AS team_ids)) OR (other_team_id IN ( SELECT public.team_ids() AS team_ids)) OR ( SELECT public.has_role('auditor'::text) AS has_role))`,
    check: null,
  },
  {
    name: "insert into a team of one's own",
    policy: `FOR INSERT TO authenticated WITH CHECK (kind IS NOT NULL AND EXISTS (SELECT FROM teams t JOIN team_members m ON m.team_id = t.id WHERE t.id = documents.team_id AND m.user_id = auth.uid() AND m.level >= 1))`,
    using: null,
    check: `((kind IS NOT NULL) AND (team_id IN ( SELECT t.id FROM (public.teams t JOIN public.team_members m ON ((m.team_id = t.id))) WHERE ((m.user_id = ( SELECT auth.uid() AS uid)) AND (m.level >= 1)))))`,
  },
]

/** The name of the policy that a test compares. */
export const policyName = `the policy`

/** Leaves exactly this policy on `documents`. */
export async function setPolicy(
  client: Client,
  {
    policy,
    isRestrictive = false,
    besideOwners = false,
  }: Pick<Rewrite, 'policy' | 'isRestrictive' | 'besideOwners'>,
): Promise<void> {
  await clearPolicies(client)
  await client.query(
    `SET search_path = public;
     CREATE POLICY ${quote(policyName)} ON documents ${isRestrictive ? 'AS RESTRICTIVE ' : ''}${policy}`,
  )
  if (isRestrictive) await client.query('CREATE POLICY everything ON documents USING (true)')
  if (besideOwners) await client.query('CREATE POLICY owners ON documents USING (owner_id = auth.uid())')
}

/** Leaves no policy on `documents`. */
export async function clearPolicies(client: Client): Promise<void> {
  await client.query(`DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT polname FROM pg_policy WHERE polrelid = 'public.documents'::regclass
    LOOP EXECUTE format('DROP POLICY %I ON public.documents', name); END LOOP; END $$`)
}

/** The rewrite as the condition takes it. */
export function asRewrite({ using, check }: Pick<Rewrite, 'using' | 'check'>): PolicyRewrite {
  return { policy: policyName, using, check }
}
