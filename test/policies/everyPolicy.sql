-- Every way to write a policy that we know of: what can be made faster safely, what only looks like it, and what
-- must be left alone. test/policies/everyPolicy.ts says what is expected of each.

-- step: platform
-- Run by a superuser. Roles belong to the whole server: those that exist are kept as they are.
do $$
declare wanted record;
begin
  for wanted in values
    ('anon', 'nologin noinherit'), ('authenticated', 'nologin noinherit'),
    ('service_role', 'nologin noinherit bypassrls'), ('every_policy_moderator', 'nologin'),
    ('every policy "staff"', 'nologin'), ('every_policy_stranger', 'nologin'),
    (current_setting('every_policy.owner'), 'login createrole')
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.column1) then
      execute format('create role %I %s', wanted.column1, wanted.column2);
    end if;
  end loop;
  execute format('alter role %I password %L', current_setting('every_policy.owner'), current_setting('every_policy.password'));
  execute format('grant anon, authenticated, service_role, every_policy_moderator, "every policy ""staff""" to %I with admin option',
    current_setting('every_policy.owner'));
  execute format('alter database %I owner to %I', current_database(), current_setting('every_policy.owner'));
end
$$;

create schema auth;
create table auth.users (id uuid primary key, email text, raw_user_meta_data jsonb not null default '{}');
alter table auth.users enable row level security;
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;
create function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;
create function auth.email() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
  )::text
$$;
create function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;
grant usage on schema auth to public;
grant select on auth.users to anon, authenticated, service_role;

-- A table that somebody else owns, in a schema that we see.
create schema platform;
grant usage on schema platform to public;
create table platform.audit (id int primary key, actor uuid);
insert into platform.audit select n, md5('user' || n % 12)::uuid from generate_series(1, 60) n;
alter table platform.audit enable row level security;
create policy "audit is for its actor" on platform.audit for select to authenticated using (actor = auth.uid());
grant select on platform.audit to anon, authenticated, service_role;
alter table platform.audit owner to every_policy_stranger;
alter schema platform owner to every_policy_stranger;

do $$
begin
  execute format('grant usage on schema auth, platform to %I', current_setting('every_policy.owner'));
  execute format('grant select on auth.users to %I', current_setting('every_policy.owner'));
  execute format('alter default privileges for role %I grant all on tables to anon, authenticated, service_role, every_policy_moderator, "every policy ""staff"""',
    current_setting('every_policy.owner'));
  execute format('create schema storage authorization %I', current_setting('every_policy.owner'));
  execute format('create schema "Größe ""XL"" & co" authorization %I', current_setting('every_policy.owner'));
  execute format('create schema private authorization %I', current_setting('every_policy.owner'));
  execute format('set role %I', current_setting('every_policy.owner'));
end
$$;
grant usage on schema storage, "Größe ""XL"" & co", public to public;
reset role;

-- step: people
-- Twelve users; the first ones belong to much, the last to nothing.
create type public.member_role as enum ('guest', 'member', 'owner');
create table public.profiles (
  id uuid primary key, email text not null, is_staff boolean not null, is_suspended boolean not null, job text
);
insert into public.profiles
select md5('user' || n)::uuid, 'user' || n || '@example.com', n = 0, n = 5,
  case n % 3 when 0 then 'editor' when 1 then 'author' end
from generate_series(0, 11) n;

create table public.org_members (
  org_id int, user_id uuid not null, role public.member_role not null, active boolean not null, primary key (org_id, user_id)
);
insert into public.org_members
select org, md5('user' || n)::uuid, (case when (org + n) % 3 = 0 then 'owner' when (org + n) % 3 = 1 then 'member' else 'guest' end)::public.member_role,
  (org + n) % 5 <> 0
from generate_series(0, 8) n, generate_series(1, 12) org where org % (n + 1) = 0 or org = n;

create table public.team_members (team_id int, user_id uuid, primary key (team_id, user_id));
insert into public.team_members
select team, md5('user' || n)::uuid from generate_series(0, 9) n, generate_series(1, 20) team where team % (n + 2) = 0;

create table public.quotas (user_id uuid primary key, remaining int not null);
insert into public.quotas select md5('user' || n)::uuid, n % 4 from generate_series(0, 11) n;

-- step: functions
-- Who is asking.
create function public.current_user_id() returns uuid language sql stable as 'select auth.uid()';
create function public.current_user_id_plpgsql() returns uuid language plpgsql stable as 'begin return auth.uid(); end';
create function public.frozen_user_id() returns uuid language plpgsql immutable as 'begin return auth.uid(); end';
create function public.is_admin() returns boolean language sql stable security definer set search_path = '' as
  'select coalesce((select is_staff from public.profiles where id = auth.uid()), false)';
create function public.is_staff() returns boolean language plpgsql stable security definer set search_path = public as
  'begin return exists (select from profiles where id = auth.uid() and is_staff); end';
create function public.is_suspended() returns boolean language sql stable security definer set search_path = '' as
  'select exists (select from public.profiles where id = auth.uid() and is_suspended)';
create function public.has_job(wanted text) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select from public.profiles where id = auth.uid() and job = wanted)';
create function public.my_job() returns text language sql stable security definer set search_path = '' as
  'select job from public.profiles where id = auth.uid()';
create function public.user_teams() returns int[] language sql stable security definer set search_path = '' as
  'select coalesce(array_agg(team_id), ''{}'') from public.team_members where user_id = auth.uid()';
create function public.user_orgs() returns setof int language sql stable security definer set search_path = '' as
  'select org_id from public.org_members where user_id = auth.uid()';
-- Volatile by neglect: nobody wrote STABLE.
create function public.is_author() returns boolean language sql security definer set search_path = '' as
  'select exists (select from public.profiles where id = auth.uid() and job = ''author'')';

-- Membership: a function of the row.
create function public.is_org_member(org int) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select 1 from public.org_members m where m.org_id = org and m.user_id = auth.uid())';
create function public.is_active_org_owner(org int) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select 1 from public.org_members m where m.org_id = $1 and m.user_id = auth.uid() and m.active and m.role = ''owner'')';
create function public.is_team_member(wanted_team int) returns boolean language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (select from public.team_members where team_id = wanted_team and user_id = auth.uid());
end $$;
create function public.is_org_member_volatile(org int) returns boolean language sql volatile security definer set search_path = '' as
  'select exists (select 1 from public.org_members m where m.org_id = org and m.user_id = auth.uid())';
-- With the caller's own rights and search_path.
create function public.is_org_member_invoker(org int) returns boolean language sql stable as
  'select exists (select 1 from org_members m where m.org_id = org and m.user_id = auth.uid())';
-- More than one EXISTS, a condition on two columns, a branch, a count, a comparison that is no equality.
create function public.is_in_org_or_team(org int) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select from public.org_members m where m.org_id = org and m.user_id = auth.uid())
      or exists (select from public.team_members t where t.team_id = org and t.user_id = auth.uid())';
create function public.may_edit(org int, author uuid) returns boolean language sql stable security definer set search_path = '' as
  'select author = auth.uid() or exists (select from public.org_members m where m.org_id = org and m.user_id = auth.uid() and m.role = ''owner'')';
create function public.is_branching(org int) returns boolean language plpgsql stable security definer set search_path = '' as $$
begin
  if org > 6 then return true; end if;
  return exists (select from public.org_members where org_id = org and user_id = auth.uid());
end $$;
create function public.outranks(org int) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select from public.org_members m where m.org_id >= org and m.user_id = auth.uid())';
create function public.counts_members(org int) returns boolean language sql stable security definer set search_path = '' as
  'select count(*) > 0 from public.org_members m where m.org_id = org and m.user_id = auth.uid()';
create function public.org_role(org int) returns public.member_role language sql stable security definer set search_path = '' as
  'select role from public.org_members m where m.org_id = org and m.user_id = auth.uid()';
create function public.closed_to_all(org int) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select from public.org_members m where m.org_id = org and m.user_id = auth.uid())';
revoke execute on function public.closed_to_all(int) from public;

-- step: identities
create table public.notes (id int primary key, owner_id uuid, owner_text text, email text, tenant int, title text not null);
insert into public.notes
select n, case when n % 17 <> 0 then md5('user' || least(n % 30, 11))::uuid end, md5('user' || n % 12)::uuid::text,
  case n % 5 when 0 then null else 'User' || n % 12 || '@Example.com' end, nullif(n % 7, 0), 'note ' || n
from generate_series(1, 300) n;
alter table public.notes enable row level security;
create policy "bare uid" on public.notes for select to authenticated using (owner_id = auth.uid());
create policy "bare uid turned round" on public.notes for update to authenticated using (auth.uid() = owner_id);
create policy "bare jwt" on public.notes for select to every_policy_moderator
  using ((auth.jwt() -> 'app_metadata' ->> 'tenant')::int = tenant);
create policy "bare role" on public.notes for delete using (auth.role() = 'authenticated' and owner_id = auth.uid());
create policy "bare email" on public.notes for select to authenticated using (lower(email) = lower(auth.email()));
create policy "current setting" on public.notes for select to anon
  using (tenant = nullif(current_setting('app.tenant', true), '')::int);
create policy "cast outside" on public.notes for insert to authenticated with check (owner_text = auth.uid()::text);
create policy "helper in sql" on public.notes for select to "every policy ""staff""" using (owner_id = current_user_id());
create policy "helper in plpgsql" on public.notes for update to "every policy ""staff"""
  using (owner_id = current_user_id_plpgsql()) with check (owner_id = current_user_id_plpgsql() and tenant is not null);

create table public.articles (id int primary key, author_id uuid, editor_id uuid, kind text, team_id int, published boolean not null);
insert into public.articles
select n, md5('user' || n % 12)::uuid, case when n % 4 = 0 then md5('user' || n % 7)::uuid end,
  (array['editor', 'author', null])[n % 3 + 1], nullif(n % 21, 0), n % 6 = 0
from generate_series(1, 300) n;
alter table public.articles enable row level security;
create policy "admin" on public.articles for all using (is_admin());
create policy "staff" on public.articles for update to authenticated using (is_staff()) with check (is_staff() or published);
create policy "job of a constant" on public.articles for select to authenticated using (has_job('editor') and not published);
create policy "job of the row" on public.articles for select to every_policy_moderator using (has_job(kind));
create policy "my job is the kind" on public.articles for select to authenticated using (my_job() = kind);
create policy "array of teams" on public.articles for delete to authenticated using (team_id = any (user_teams()));
create policy "half wrapped" on public.articles for select to authenticated
  using (author_id = (select auth.uid()) or editor_id = auth.uid());
create policy "already wrapped" on public.articles for insert to authenticated with check (author_id = (select auth.uid()));
create policy "not suspended" on public.articles as restrictive for all to authenticated using (not is_suspended());

create table public.drafts (id int primary key, author_id uuid not null, author_text text not null, org_id int);
insert into public.drafts
select n, md5('user' || n % 12)::uuid, md5('user' || n % 12)::uuid::text, nullif(n % 13, 0) from generate_series(1, 200) n;
alter table public.drafts enable row level security;
create policy "cast inside the wrap" on public.drafts for select to authenticated using (author_text = (select auth.uid()::text));
create policy "wrapped and cast" on public.drafts for update to authenticated using ((select auth.uid())::text = author_text);
create policy "wrapped in vain" on public.drafts for delete to authenticated using ((select is_in_org_or_team(org_id)));
create policy "wrapped set" on public.drafts for select to authenticated using (org_id in (select user_orgs()));
create policy "always" on public.drafts for select to service_role using (true);
create policy "never" on public.drafts for select to anon using (false);
create policy "of the row alone" on public.drafts for insert to authenticated with check (org_id is not null and length(author_text) > 3);

-- step: changing answers
create table public.uploads (id int primary key, owner_id uuid, size numeric(10, 2) not null, expires_at timestamptz);
insert into public.uploads
select n, md5('user' || n % 12)::uuid, n * 1.5, timestamptz '2020-01-01' + n * interval '20 days' from generate_series(1, 200) n;
alter table public.uploads enable row level security;
-- Counts the rows of the statement that asks.
create function public.within_quota() returns boolean language sql volatile security definer set search_path = '' as
  'select coalesce((select remaining > 0 from public.quotas where user_id = auth.uid()), false)
     and (select count(*) < 1000 from public.uploads)';
create policy "quota" on public.uploads for insert to authenticated with check (owner_id = (select auth.uid()) and within_quota());
create policy "volatile by neglect" on public.uploads for select to authenticated using (is_author());
create policy "frozen identity" on public.uploads for delete to authenticated using (owner_id = frozen_user_id());
create policy "not expired" on public.uploads for select to anon using (expires_at > now());
create policy "partly volatile" on public.uploads for update to authenticated
  using (owner_id = auth.uid() and (within_quota() or size > 10)) with check (owner_id = auth.uid());

-- step: membership
create table public.projects (id int primary key, org_id int, team_id int, author_id uuid, name text not null, role public.member_role);
insert into public.projects
select n, nullif(n % 14, 0), nullif(n % 23, 0), md5('user' || n % 12)::uuid, 'project ' || n,
  (array['guest', 'member', 'owner', null])[n % 4 + 1]::public.member_role
from generate_series(1, 400) n;
create index projects_org_id_idx on public.projects (org_id);
alter table public.projects enable row level security;
create policy "member" on public.projects for select to authenticated using (is_org_member(org_id));
create policy "owner and active" on public.projects for update to authenticated using (is_active_org_owner(org_id));
create policy "member in plpgsql" on public.projects for delete to authenticated using (is_team_member(team_id));
create policy "member and mine" on public.projects for insert to authenticated
  with check (is_org_member(org_id) and author_id = auth.uid());
create policy "member for moderators" on public.projects for select to every_policy_moderator
  using (name <> '' and (is_org_member(org_id) or author_id = auth.uid()));
create policy "not a member" on public.projects for select to "every policy ""staff""" using (not is_org_member(org_id));

create table public.plans (id int primary key, org_id int, author_id uuid, role public.member_role);
insert into public.plans
select n, nullif(n % 14, 0), md5('user' || n % 12)::uuid, (array['guest', 'member', 'owner', null])[n % 4 + 1]::public.member_role
from generate_series(1, 200) n;
alter table public.plans enable row level security;
create policy "volatile member" on public.plans for select to authenticated using (is_org_member_volatile(org_id));
create policy "member as caller" on public.plans for select to every_policy_moderator using (is_org_member_invoker(org_id));
create policy "org or team" on public.plans for select to "every policy ""staff""" using (is_in_org_or_team(org_id));
create policy "two arguments" on public.plans for update to authenticated using (may_edit(org_id, author_id));
create policy "branching" on public.plans for delete to authenticated using (is_branching(org_id));
create policy "not an equality" on public.plans for select to anon using (outranks(org_id));
create policy "count" on public.plans for update to every_policy_moderator using (counts_members(org_id));
create policy "role of the org" on public.plans for delete to every_policy_moderator using (org_role(org_id) = role);
create policy "member or else" on public.plans for delete to "every policy ""staff"""
  using (case when is_org_member(org_id) then author_id is not null else false end);
create policy "member is null" on public.plans for update to "every policy ""staff""" using (is_org_member(org_id) is not true);

create table public.shut (id int primary key, org_id int);
insert into public.shut select n, n % 14 from generate_series(1, 60) n;
alter table public.shut enable row level security;
create policy "no right to call" on public.shut for select to authenticated using (closed_to_all(org_id));

-- step: correlated
create table public.tasks (id int primary key, team_id int, project_id int, assignee uuid, done boolean not null);
insert into public.tasks
select n, nullif(n % 22, 0), n % 401, case when n % 3 > 0 then md5('user' || n % 12)::uuid end, n % 5 = 0 from generate_series(1, 2000) n;
create index tasks_team_id_idx on public.tasks (team_id);
alter table public.tasks enable row level security;
create policy "team exists" on public.tasks for select to authenticated
  using (exists (select 1 from public.team_members m where m.team_id = tasks.team_id and m.user_id = auth.uid()));
create policy "user in team" on public.tasks for update to authenticated
  using (auth.uid() in (select m.user_id from public.team_members m where m.team_id = tasks.team_id));
create policy "no team exists" on public.tasks for delete to authenticated
  using (not exists (select 1 from public.team_members m where m.team_id = tasks.team_id and m.user_id = auth.uid()));
create policy "through the project" on public.tasks for select to every_policy_moderator
  using (exists (select 1 from public.projects p where p.id = tasks.project_id and p.author_id = auth.uid()));
create policy "team in set" on public.tasks for select to "every policy ""staff"""
  using (team_id in (select m.team_id from public.team_members m where m.user_id = (select auth.uid())));
create policy "two keys" on public.tasks for delete to every_policy_moderator
  using (exists (select 1 from public.team_members m where m.team_id = tasks.team_id and m.user_id = tasks.assignee));
create policy "at most one" on public.tasks for update to every_policy_moderator
  using (exists (select 1 from public.team_members m where m.team_id = tasks.team_id group by m.team_id having count(*) > 2));

-- step: commands and kinds
create table public.rooms (id int primary key, owner_id uuid, open boolean not null, org_id int);
insert into public.rooms select n, md5('user' || n % 12)::uuid, n % 3 = 0, n % 14 from generate_series(1, 200) n;
alter table public.rooms enable row level security;
create policy "all without check" on public.rooms for all to authenticated using (owner_id = auth.uid());
create policy "all with check" on public.rooms for all to every_policy_moderator using (open) with check (owner_id = auth.uid());
create policy "update without check" on public.rooms for update to "every policy ""staff""" using (auth.uid() = owner_id or open);
create policy "several roles" on public.rooms for select to anon, "every policy ""staff""", every_policy_moderator using (open or owner_id = auth.uid());
create policy "restrictive insert" on public.rooms as restrictive for insert to authenticated, every_policy_moderator
  with check (is_org_member(org_id) or is_admin());

-- step: alike
create table public.favorites (id int primary key, user_id uuid, article_id int, hidden boolean not null);
insert into public.favorites select n, md5('user' || n % 12)::uuid, n % 300, n % 4 = 0 from generate_series(1, 200) n;
alter table public.favorites enable row level security;
create policy "twin one" on public.favorites for select to authenticated using (user_id = (select auth.uid()));
create policy "twin two" on public.favorites for select to authenticated using (user_id = (select auth.uid()));
comment on policy "twin two" on public.favorites is 'It''s the second: "twin"';
create policy "other role" on public.favorites for select to every_policy_moderator using (user_id = (select auth.uid()));
create policy "other kind" on public.favorites as restrictive for select to authenticated using (user_id = (select auth.uid()));
create policy "other command" on public.favorites for update to authenticated using (user_id = (select auth.uid()));
create policy "other check" on public.favorites for update to authenticated using (user_id = (select auth.uid())) with check (not hidden);
create policy "turned round" on public.favorites for select to authenticated using ((select auth.uid()) = user_id);
create policy "pair" on public.favorites for select to authenticated using (not hidden and article_id < 20);

-- step: shapes of tables
create table public.events (id int, happened date not null, user_id uuid, org_id int, primary key (id, happened)) partition by range (happened);
create table public.events_2025 partition of public.events for values from ('2025-01-01') to ('2026-01-01');
create table public.events_2026 partition of public.events for values from ('2026-01-01') to ('2027-01-01');
insert into public.events
select n, date '2025-01-01' + n * 2, md5('user' || n % 12)::uuid, n % 14 from generate_series(1, 300) n;
alter table public.events enable row level security;
alter table public.events_2025 enable row level security;
create policy "own events" on public.events for select to authenticated using (user_id = auth.uid());
create policy "own events of 2025" on public.events_2025 for select to authenticated using (user_id = auth.uid() and is_org_member(org_id));

create table public.secrets (id int primary key, owner_id uuid, org_id int);
insert into public.secrets select n, md5('user' || n % 12)::uuid, n % 14 from generate_series(1, 100) n;
alter table public.secrets enable row level security;
alter table public.secrets force row level security;
create policy "forced" on public.secrets for select to authenticated using (owner_id = auth.uid());
create policy "forced for the owner" on public.secrets for all to current_user using (true);

create table public.circles (id int primary key, parent int, owner_id uuid);
insert into public.circles select n, n / 2, md5('user' || n % 12)::uuid from generate_series(1, 60) n;
alter table public.circles enable row level security;
create policy "recursive" on public.circles for select to authenticated
  using (owner_id = auth.uid() or exists (select 1 from public.circles c where c.id = circles.parent and c.owner_id = auth.uid()));

create table public.leftovers (gone text, id int primary key, gone_too int, owner_id uuid, tags text[], data jsonb, level public.member_role);
insert into public.leftovers (id, owner_id, tags, data, level)
select n, md5('user' || n % 12)::uuid, array['user' || n % 12 || '@example.com', 'x'], jsonb_build_object('owner', md5('user' || n % 12)::uuid, 'n', n),
  (array['guest', 'member', 'owner', null])[n % 4 + 1]::public.member_role
from generate_series(1, 120) n;
alter table public.leftovers drop column gone, drop column gone_too;
alter table public.leftovers enable row level security;
create policy "after dropped columns" on public.leftovers for select to authenticated using (owner_id = auth.uid());
create policy "array column" on public.leftovers for update to authenticated using (auth.email() = any (tags));
create policy "jsonb column" on public.leftovers for delete to authenticated using (data ->> 'owner' = auth.uid()::text);
create policy "jsonb contains" on public.leftovers for select to every_policy_moderator using (data @> jsonb_build_object('owner', auth.uid()));
create policy "enum column" on public.leftovers for select to anon
  using (level = (nullif(current_setting('app.level', true), ''))::public.member_role);

create table public.sleeping (id int primary key, owner_id uuid);
insert into public.sleeping select n, md5('user' || n % 12)::uuid from generate_series(1, 60) n;
create policy "switched off" on public.sleeping for select to authenticated using (owner_id = auth.uid());

create table public.locked (id int primary key);
insert into public.locked select generate_series(1, 20);
alter table public.locked enable row level security;

-- step: names
create table "Größe ""XL"" & co"."Select ""from"" O'Reilly" ("Ümläut id" int primary key, "user" uuid, "order by" int, "a""b" text);
insert into "Größe ""XL"" & co"."Select ""from"" O'Reilly"
select n, md5('user' || n % 12)::uuid, n % 14, 'User' || n % 12 || '@example.com' from generate_series(1, 120) n;
alter table "Größe ""XL"" & co"."Select ""from"" O'Reilly" enable row level security;
create function "Größe ""XL"" & co"."is ""member""?"("the org" int) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select from public.org_members m where m.org_id = "is ""member""?"."the org" and m.user_id = auth.uid())';
create policy "It's ""quoted""; -- and `more` ${x} \ done" on "Größe ""XL"" & co"."Select ""from"" O'Reilly" for select to authenticated
  using ("user" = auth.uid());
create policy "日本語のポリシー名は六十三バイトまで書ける" on "Größe ""XL"" & co"."Select ""from"" O'Reilly" for update to public
  using (auth.uid() = "user") with check (auth.uid() = "user" and "order by" is not null);
create policy "sixty-three bytes long, to the last: abcdefghijklmnopqrstuvwxyz" on "Größe ""XL"" & co"."Select ""from"" O'Reilly" for delete to authenticated
  using (lower("a""b") = lower(auth.email()));
create policy "odd membership" on "Größe ""XL"" & co"."Select ""from"" O'Reilly" for select to every_policy_moderator
  using ("Größe ""XL"" & co"."is ""member""?"("order by"));

create table storage.objects (id int primary key, bucket_id text not null, name text not null, owner uuid);
insert into storage.objects
select n, (array['avatars', 'files'])[n % 2 + 1], md5('user' || n % 12)::uuid || '/file' || n, md5('user' || n % 12)::uuid from generate_series(1, 200) n;
alter table storage.objects enable row level security;
create function storage.foldername(name text) returns text[] language sql immutable as $$
  select (string_to_array(name, '/'))[1 : array_length(string_to_array(name, '/'), 1) - 1]
$$;
create policy "Give users access to own folder 1oj01fe_0" on storage.objects for select to public
  using (bucket_id = 'avatars' and (storage.foldername(name))[1] = auth.uid()::text);
create policy "Give users access to own folder 1oj01fe_1" on storage.objects for insert to public
  with check (bucket_id = 'avatars' and auth.uid()::text = (storage.foldername(name))[1]);
create policy "Files of the owner" on storage.objects for update to authenticated
  using (bucket_id = 'files' and owner = auth.uid()) with check (bucket_id = 'files' and owner = auth.uid());

-- step: statistics
analyze;
