-- Nine ways to slow a table of 100,000 rows down by a policy, and what each cure gained, were published as a guide to row-level
-- security: see nine.ts. Here they are in tables of their own. As there, nobody has declared how volatile a function is, and
-- nothing has an index. Run by the owner, who is no superuser.
create function public.person(n int) returns uuid language sql immutable as $$ select md5('person' || n)::uuid $$;

create table public.nine_roles as
select n as id, public.person(n) as user_id, case n when 1 then 'user' else 'guest' end as role from generate_series(1, 1000) n;
create table public.nine_ranks as
select n as id, public.person(n) as user_id, case n when 1 then 'admin' else 'user' end as role from generate_series(1, 1000) n;
create table public.nine_teams as
select n as id, public.person(case when n <= 2 then 1 else n end) as user_id, n as team_id from generate_series(1, 1000) n;
alter table public.nine_roles enable row level security;
alter table public.nine_ranks enable row level security;
alter table public.nine_teams enable row level security;
create policy own on public.nine_teams to authenticated using (auth.uid() = user_id);

create function public.nine_is_admin() returns boolean language plpgsql security definer as $$
begin
  return exists (select 1 from public.nine_roles where auth.uid() = user_id and role = 'admin');
end $$;
create function public.nine_rank() returns text language plpgsql security definer as $$
begin
  return (select role from public.nine_ranks where auth.uid() = user_id);
end $$;
create function public.nine_my_teams() returns int[] language plpgsql security definer as $$
begin
  return array(select team_id from public.nine_teams where auth.uid() = user_id);
end $$;

create table public.nine_index as
select n as id, 'name-' || n as name, public.person(n + 1) as user_id, case n when 1 then 'admin' else 'user' end as role, n as team_id
from generate_series(1, 100000) n;
create table public.nine_uid as select id, name, case id when 1 then public.person(1) else user_id end as user_id, role, team_id from public.nine_index;
create table public.nine_admin as select * from public.nine_uid;
create table public.nine_or as select * from public.nine_uid;
create table public.nine_role as select * from public.nine_uid;
create table public.nine_array as select * from public.nine_uid;
create table public.nine_filter as select * from public.nine_uid;
create table public.nine_join as select * from public.nine_uid;
create table public.nine_to as select * from public.nine_uid;

create policy p on public.nine_index to authenticated using (auth.uid() = user_id);
create policy p on public.nine_uid to authenticated using (auth.uid() = user_id);
create policy p on public.nine_admin to authenticated using (public.nine_is_admin());
create policy p on public.nine_or to authenticated using (public.nine_is_admin() or auth.uid() = user_id);
create policy p on public.nine_role to authenticated using (public.nine_rank() = role);
create policy p on public.nine_array to authenticated using (team_id = any (public.nine_my_teams()));
create policy p on public.nine_filter to authenticated using (auth.uid() = user_id);
create policy p on public.nine_join to authenticated using (
  auth.uid() in (select user_id from public.nine_teams where nine_teams.team_id = nine_join.team_id));
create policy p on public.nine_to using (auth.uid() = user_id);

do $$
declare name text;
begin
  foreach name in array array['index', 'uid', 'admin', 'or', 'role', 'array', 'filter', 'join', 'to'] loop
    execute format('alter table public.%I enable row level security', 'nine_' || name);
    execute format('grant select on public.%I to anon, authenticated', 'nine_' || name);
  end loop;
end $$;
grant select on public.nine_teams to authenticated;
