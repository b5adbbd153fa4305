import type { ClientBase } from 'pg'

/** How large the schema is: 544 tables, 612 policies, 1,662 indexes. */
export const officeSize = { tables: 544, policies: 612, indexes: 1_662 }

/** How many tables have policies: four each. */
const tablesWithPolicies = officeSize.policies / 4
const secondaryIndexes = officeSize.indexes - officeSize.tables

/** Fixed tables that the generated ones refer to. */
const fixedTables = ['organisations', 'teams', 'memberships', 'team_members'] as const
const madeTables = officeSize.tables - fixedTables.length

/** The functions of hosted platforms that say who is asking, and the helpers that a team writes around them. */
const helpers = `
  CREATE SCHEMA auth;
  CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS
    $$ SELECT coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb $$;
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT (auth.jwt() ->> 'sub')::uuid $$;
  CREATE TABLE public.organisations (id uuid PRIMARY KEY, name text NOT NULL, owner_id uuid);
  CREATE TABLE public.teams (id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES public.organisations, name text);
  CREATE TABLE public.memberships (id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES public.organisations,
    user_id uuid NOT NULL, role text NOT NULL, removed_at timestamptz);
  CREATE TABLE public.team_members (id uuid PRIMARY KEY, team_id uuid NOT NULL REFERENCES public.teams, user_id uuid NOT NULL);
  CREATE FUNCTION public.is_member(wanted uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT EXISTS (SELECT 1 FROM public.memberships WHERE organisation_id = wanted AND user_id = auth.uid() AND removed_at IS NULL) $$;
  CREATE FUNCTION public.has_role(wanted uuid, needed text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT EXISTS (SELECT 1 FROM public.memberships WHERE organisation_id = wanted AND user_id = auth.uid() AND role = needed) $$;
  CREATE FUNCTION public.in_team(wanted uuid) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ BEGIN RETURN EXISTS (SELECT 1 FROM public.team_members WHERE team_id = wanted AND user_id = auth.uid()); END $$;
  CREATE FUNCTION public.my_role() RETURNS text LANGUAGE sql STABLE AS $$ SELECT auth.jwt() -> 'app_metadata' ->> 'role' $$;
  CREATE FUNCTION public.is_staff() RETURNS boolean LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN public.my_role() IN ('staff', 'admin'); END $$;`

/** Conditions of policies as teams write them; each table starts at another place in this list. */
const conditions = [
  'owner_id = auth.uid()',
  'public.is_member(organisation_id)',
  "public.has_role(organisation_id, ''editor'')",
  'public.in_team(team_id)',
  'EXISTS (SELECT 1 FROM public.memberships m WHERE m.organisation_id = %1$I.organisation_id AND m.user_id = auth.uid())',
  'public.is_staff()',
  'team_id IN (SELECT t.team_id FROM public.team_members t WHERE t.user_id = auth.uid())',
  "((auth.jwt() ->> ''organisation'')::uuid = organisation_id)",
  'is_public OR owner_id = auth.uid()',
  'owner_id = (SELECT auth.uid())',
  "public.my_role() = ''admin'' OR (owner_id = auth.uid() AND status <> ''closed'')",
  'EXISTS (SELECT 1 FROM public.teams t JOIN public.team_members m ON m.team_id = t.id WHERE t.id = %1$I.team_id AND m.user_id = auth.uid())',
  "status = ''open'' AND public.is_member(organisation_id)",
]

/** Keys of the secondary indexes, used in turn. */
const indexKeys = [
  '(owner_id)',
  '(organisation_id, created_at DESC)',
  '(team_id)',
  '(status, created_at)',
  '(lower(title))',
  "(created_at) WHERE status = ''open''",
  '(organisation_id) INCLUDE (title)',
  'USING gin (labels)',
]

/**
 * Makes the schema of a large office suite: organisations, teams and memberships, and hundreds of tables that refer
 * to them and to each other, with indexes of many shapes and policies that call helpers.
 */
export async function generateOffice(client: ClientBase): Promise<void> {
  await client.query(helpers)
  await client.query(`
    DO $$
    DECLARE
      conditions text[] := ARRAY[${conditions.map((each) => `'${each}'`).join(', ')}];
      keys text[] := ARRAY[${indexKeys.map((each) => `'${each}'`).join(', ')}];
      commands text[] := ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
      condition text;
    BEGIN
      FOR n IN 0..${madeTables - 1} LOOP
        EXECUTE format('CREATE TABLE public.%I (id uuid PRIMARY KEY, organisation_id uuid NOT NULL REFERENCES public.organisations,
          team_id uuid, owner_id uuid, parent_id uuid, title varchar(80), status text NOT NULL, is_public boolean NOT NULL DEFAULT false,
          labels text[], amount numeric(12, 2) CHECK (amount >= 0), created_at timestamptz NOT NULL DEFAULT now(), changed_at timestamptz)', 'item_' || n);
        IF n % 3 <> 0 THEN
          EXECUTE format('ALTER TABLE public.%I ADD FOREIGN KEY (team_id) REFERENCES public.teams', 'item_' || n);
        END IF;
        IF n > 0 AND n % 2 = 0 THEN
          EXECUTE format('ALTER TABLE public.%I ADD FOREIGN KEY (parent_id) REFERENCES public.%I', 'item_' || n, 'item_' || (n - 1));
        END IF;
        IF n < ${tablesWithPolicies} THEN
          EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', 'item_' || n);
          FOR k IN 1..4 LOOP
            condition := format(conditions[1 + (n * 4 + k) % array_length(conditions, 1)], 'item_' || n);
            EXECUTE format('CREATE POLICY %I ON public.%I FOR %s ', 'Users may ' || lower(commands[k]), 'item_' || n, commands[k])
              || CASE k WHEN 2 THEN format('WITH CHECK (%s)', condition)
                   WHEN 3 THEN format('USING (%1$s) WITH CHECK (%1$s)', condition) ELSE format('USING (%s)', condition) END;
          END LOOP;
        END IF;
      END LOOP;
      FOR n IN 0..${secondaryIndexes - 1} LOOP
        EXECUTE format('CREATE INDEX %I ON public.%I ', 'item_idx_' || n, 'item_' || n % ${madeTables})
          || keys[1 + (n + n / ${madeTables} * 3) % array_length(keys, 1)];
      END LOOP;
    END $$`)
  await client.query('ANALYZE')
}

/** Gives each table two equal indexes, a NOT VALID check, and a SECURITY DEFINER function without a `search_path`. */
export async function neglectOffice(client: ClientBase): Promise<void> {
  await client.query(`
    DO $$
    BEGIN
      FOR n IN 0..${madeTables - 1} LOOP
        EXECUTE format('CREATE INDEX %I ON public.%I (owner_id, title)', 'item_owner_' || n, 'item_' || n);
        EXECUTE format('CREATE INDEX %I ON public.%I (owner_id, title)', 'item_owner_again_' || n, 'item_' || n);
        EXECUTE format('ALTER TABLE public.%I ADD CHECK (title <> '''') NOT VALID', 'item_' || n);
        EXECUTE format('CREATE FUNCTION public.%I(wanted uuid) RETURNS text LANGUAGE sql SECURITY DEFINER AS
          ''SELECT title FROM public.%I WHERE id = wanted''', 'title_of_item_' || n, 'item_' || n);
      END LOOP;
    END $$`)
}
