-- Teams, boards and cards; helpers call helpers, have no search_path of their own but find their tables by that of
-- the database, and some of them raise.
create schema crew;
grant usage on schema crew to anon, authenticated;
do $$
begin
  execute format('alter database %I set search_path = crew, public', current_database());
end
$$;
set search_path = crew, public;
create table crew.persons (id uuid primary key, user_id uuid unique references auth.users (id), is_guest boolean not null);
create table public.teams (id uuid primary key, name text, is_public boolean not null default false);
create table crew.team_members (team_id uuid references public.teams (id), user_id uuid references crew.persons (id), role text not null check (role in ('lead', 'editor', 'viewer')), left_at timestamptz);
create table public.boards (id uuid primary key, team_id uuid not null references public.teams (id), title text, visibility text not null check (visibility in ('open', 'team', 'private')), owner_id uuid not null);
create table public.cards (id bigint generated always as identity primary key, board_id uuid not null references public.boards (id), assignee uuid, title varchar(20), labels text[] not null default '{}', parent_id bigint references public.cards (id));
create table public.drafts (id uuid primary key, team_id uuid not null, author uuid, reviewer uuid, state text not null check (state in ('open', 'ready', 'given up')));
create index drafts_team_id_idx on public.drafts (team_id);
create index cards_board_id_idx on public.cards (board_id);
create table public.audit (id bigint primary key, board_id uuid, actor uuid, action text, at timestamptz);

create function public.my_id() returns uuid language sql stable security definer as 'select p.id from persons p where p.user_id = auth.uid()';
create function public.is_in_team(wanted uuid) returns boolean language sql stable security definer as $$
  select exists (select 1 from team_members where team_id = wanted and user_id = my_id() and left_at is null)
$$;
create function public.role_in_team(wanted uuid) returns text language plpgsql stable security definer as $$
begin
  return (select role from team_members where team_id = wanted and user_id = my_id() order by role limit 1);
end
$$;
create function public.can_edit_board(board uuid) returns boolean language plpgsql stable security definer as $$
declare found_team uuid;
begin
  select team_id into found_team from boards where id = board;
  return role_in_team(found_team) in ('lead', 'editor');
end
$$;
create function public.can_see_board(board uuid) returns boolean language sql stable security definer as $$
  select exists (
    select 1 from boards b join team_members m on m.team_id = b.team_id
    where b.id = board and m.user_id = my_id() and b.visibility <> 'private'
  )
$$;
create function public.require_sign_in() returns uuid language plpgsql stable as $$
begin
  if auth.uid() is null then
    raise exception 'sign in first' using errcode = 'insufficient_privilege';
  end if;
  return auth.uid();
end
$$;
create function public.require_person() returns uuid language plpgsql stable security definer as $$
declare person uuid;
begin
  select p.id into strict person from persons p where p.user_id = auth.uid();
  return person;
end
$$;
create function public.is_lead_somewhere() returns boolean language plpgsql stable as $$
begin
  if not exists (select from crew.team_members where user_id = public.require_sign_in()) then
    raise exception 'in no team';
  end if;
  return exists (select from crew.team_members where user_id = auth.uid() and role = 'lead');
end
$$;

create function public.leads_team(wanted uuid) returns boolean language plpgsql stable security definer as $$
begin
  return exists (select 1 from team_members m where m.team_id = wanted and m.user_id = require_person() and m.role = 'lead');
end
$$;

alter table public.teams enable row level security;
create policy "Public teams and my own" on public.teams for select using (is_public or is_in_team(id));
create policy "Leads rename" on public.teams for update to authenticated using (role_in_team(id) = 'lead') with check (role_in_team(id) = 'lead' and name is not null);
alter table crew.team_members enable row level security;
create policy "My own memberships and those of my teams" on crew.team_members for select to authenticated using (user_id = auth.uid() or is_in_team(team_id));
create policy "Leads add members" on crew.team_members for insert to authenticated with check (role_in_team(team_id) = 'lead' and role <> 'lead');
alter table public.boards enable row level security;
create policy "Open boards" on public.boards for select using (visibility = 'open');
create policy "Boards of the team" on public.boards for select to authenticated using (visibility = 'team' and is_in_team(team_id));
create policy "Boards of mine" on public.boards for all to authenticated using (owner_id = my_id()) with check (owner_id = my_id() and is_in_team(team_id));
create policy "Leads drop boards" on public.boards for delete to authenticated using (visibility <> 'private' and is_lead_somewhere());
alter table public.cards enable row level security;
create policy "Cards of boards that I see" on public.cards for select to authenticated using (can_see_board(board_id));
create policy "Cards of long titles are for leads" on public.cards for delete using (length(title) > 18 and can_see_board(board_id));
create policy "Cards that anybody may read" on public.cards for select using ('public' = any (labels) or assignee = require_sign_in());
create policy "Cards are changed by editors" on public.cards for update to authenticated using (can_edit_board(board_id));
create policy "Cards go into boards of my teams" on public.cards for insert to authenticated with check (
  exists (select 1 from public.boards b where b.id = cards.board_id and b.team_id in (select m.team_id from crew.team_members m where m.user_id = auth.uid()))
);
alter table public.audit enable row level security;
alter table public.drafts enable row level security;
create policy "Drafts of teams that I lead" on public.drafts for select using (state = 'ready' and leads_team(team_id));
create policy "Drafts that were given up" on public.drafts for delete using (state = 'given up' and my_id() = author and require_person() = reviewer);
create policy "Drafts are reviewed" on public.drafts for update using (reviewer = my_id() and require_person() is not null);
create policy "What I did" on public.audit for select to authenticated using (actor = my_id());
create policy "What happened on boards of mine" on public.audit for select to authenticated using (
  exists (select 1 from public.boards b where b.id = audit.board_id and b.owner_id = auth.uid())
);
