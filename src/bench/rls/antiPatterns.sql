-- One table for each case, all with row-level security as busy teams write it. Run by the owner, who is no superuser.
create function public.person(n int) returns uuid language sql immutable as $$ select md5('person' || n)::uuid $$;

-- Roles and teams as the helpers read them: lists that nobody has indexed.
create table public.roles (id int primary key, user_id uuid, role text);
insert into public.roles select n, public.person(n), case when n = 1 then 'member' else (array['admin', 'member', 'guest'])[n % 3 + 1] end
from generate_series(1, 400) n order by n desc;
create table public.many_roles (id int primary key, user_id uuid, role text);
insert into public.many_roles select n, public.person(n), 'role' || n % 1000 from generate_series(1, 10000) n order by n desc;
create table public.many_teams (id int primary key, user_id uuid, team_id int);
insert into public.many_teams
select n, public.person(n / 10), case when n / 10 = 1 then n % 10 + 1 else n % 1000 + 1 end from generate_series(1, 10000) n;
create table public.hundred_teams (id int primary key, user_id uuid, team_id int);
insert into public.hundred_teams select n, public.person(n / 100), n % 100 + (n / 100) * 7 from generate_series(1, 10000) n;
create table public.team_user (team_id int, user_id uuid, primary key (team_id, user_id));
insert into public.team_user select n % 1000 + 1, public.person(n / 10) from generate_series(1, 10000) n on conflict do nothing;
create index team_user_user_id_idx on public.team_user (user_id);
create table public.org_members (org_id int, user_id uuid, primary key (org_id, user_id));
insert into public.org_members
select org, public.person(1) from generate_series(1, 10) org
union all select org, public.person(2) from generate_series(1, 300) org
union all select n % 1000 + 1, public.person(n / 5 + 10) from generate_series(1, 5000) n;
create index org_members_user_id_idx on public.org_members (user_id);

create function public.is_admin() returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.roles r where r.user_id = auth.uid() and r.role = 'admin')
$$;
create function public.has_role() returns text language sql stable security definer set search_path = '' as $$
  select role from public.many_roles where user_id = auth.uid()
$$;
create function public.user_teams() returns int[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(team_id), '{}') from public.many_teams where user_id = auth.uid()
$$;
create function public.hundred_user_teams() returns int[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(team_id), '{}') from public.hundred_teams where user_id = auth.uid()
$$;
create function public.is_org_member(org int) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.org_members m where m.org_id = org and m.user_id = auth.uid())
$$;

create table public.indexed (id int primary key, user_id uuid, org_id int, created_at timestamptz, title text);
insert into public.indexed
select n, public.person(n % 10000), n % 1000 + 1, timestamptz '2026-01-01' + n * interval '1 minute', 'title ' || n from generate_series(1, 100000) n;
create table public.wrapped_uid (like public.indexed including all);
create table public.wrapped_admin (like public.indexed including all);
create table public.both_arms (like public.indexed including all);
create table public.of_role (like public.indexed including all, role text);
create table public.of_team (like public.indexed including all, team_id int);
create table public.of_hundred_teams (like public.indexed including all, team_id int);
create table public.correlated (like public.indexed including all, team_id int);
create table public.items (like public.indexed including all);
insert into public.wrapped_uid select * from public.indexed;
insert into public.wrapped_admin select * from public.indexed;
insert into public.both_arms select * from public.indexed;
insert into public.of_role select i.*, 'role' || i.id % 1000 from public.indexed i;
insert into public.of_team select i.*, i.id % 1000 + 1 from public.indexed i;
insert into public.of_hundred_teams select n, public.person(n % 10000), n % 1000 + 1, timestamptz '2026-01-01' + n * interval '1 minute', 'title ' || n, n % 10000 + 1
from generate_series(1, 200000) n;
insert into public.correlated select i.*, i.id % 1000 + 1 from public.indexed i;
insert into public.items select n, public.person(n % 10000), n % 1000 + 1, timestamptz '2026-01-01' + n * interval '1 minute', 'title ' || n
from generate_series(1, 500000) n;
create index items_org_id_idx on public.items (org_id);
create index items_created_at_idx on public.items (created_at);
create index of_hundred_teams_created_at_idx on public.of_hundred_teams (created_at);

do $$
declare t text;
begin
  foreach t in array array['indexed', 'wrapped_uid', 'wrapped_admin', 'both_arms', 'of_role', 'of_team', 'of_hundred_teams', 'correlated', 'items'] loop
    execute format('alter table public.%I enable row level security; grant select on public.%I to authenticated', t, t);
  end loop;
end
$$;
create policy p on public.indexed for select to authenticated using (auth.uid() = user_id);
create policy p on public.wrapped_uid for select to authenticated using (auth.uid() = user_id);
create policy p on public.wrapped_admin for select to authenticated using (is_admin());
create policy p on public.both_arms for select to authenticated using (is_admin() or auth.uid() = user_id);
create policy p on public.of_role for select to authenticated using (has_role() = role);
create policy p on public.of_team for select to authenticated using (team_id = any (user_teams()));
create policy p on public.of_hundred_teams for select to authenticated using (team_id = any (hundred_user_teams()));
create policy p on public.correlated for select to authenticated
  using (auth.uid() in (select u.user_id from public.team_user u where u.team_id = correlated.team_id));
create policy p on public.items for select to authenticated using (is_org_member(org_id));
grant select on public.team_user to authenticated;
analyze;
