-- Personal and team accounts in a schema of their own, a role on each, and a helper that answers for both.
create schema tenancy;
grant usage on schema tenancy to authenticated;
create type tenancy.account_role as enum ('owner', 'member');

create table tenancy.config (enable_teams boolean not null default true, enable_invites boolean not null default true);
create table tenancy.accounts (
  id uuid primary key default gen_random_uuid(),
  primary_owner_id uuid not null references auth.users (id),
  name text, slug text unique, is_personal boolean not null default false, created_by uuid references auth.users (id)
);
create table tenancy.account_members (
  account_id uuid not null references tenancy.accounts (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  account_role tenancy.account_role not null,
  primary key (user_id, account_id)
);
create table tenancy.invitations (
  id uuid primary key, account_id uuid not null references tenancy.accounts (id), account_role tenancy.account_role not null,
  token text not null unique, invited_by uuid not null references auth.users (id), created_at timestamptz not null
);
create table tenancy.subscriptions (id text primary key, account_id uuid not null references tenancy.accounts (id), status text check (status in ('trialing', 'active', 'canceled')));
create table public.projects (id uuid primary key, account_id uuid not null references tenancy.accounts (id), title text, is_archived boolean not null default false);
create table public.project_notes (id uuid primary key, project_id uuid not null references public.projects (id), author_id uuid, body text);

create function tenancy.has_role_on_account(account_id uuid, account_role tenancy.account_role default null) returns boolean
language sql security definer set search_path = public, tenancy stable as $$
  select exists (
    select 1 from tenancy.account_members m
    where m.user_id = auth.uid() and m.account_id = has_role_on_account.account_id
      and (m.account_role = has_role_on_account.account_role or has_role_on_account.account_role is null)
  )
$$;
create function tenancy.accounts_with_role(passed_role tenancy.account_role default null) returns setof uuid
language sql security definer set search_path = public, tenancy stable as
  'select m.account_id from tenancy.account_members m where m.user_id = auth.uid() and (m.account_role = passed_role or passed_role is null)';
create function tenancy.is_set(field_name text) returns boolean language plpgsql stable as $$
declare result boolean;
begin
  execute format('select %I from tenancy.config limit 1', field_name) into result;
  return result;
end
$$;
create function tenancy.account_of(wanted uuid) returns uuid language sql stable security definer set search_path = '' as
  'select p.account_id from public.projects p where p.id = wanted';

alter table tenancy.config enable row level security;
create policy "Anybody signed in reads the settings" on tenancy.config for select to authenticated using (true);
alter table tenancy.accounts enable row level security;
create policy "Members see their accounts" on tenancy.accounts for select to authenticated using (tenancy.has_role_on_account(id));
create policy "The first owner sees the account at once" on tenancy.accounts for select to authenticated using (primary_owner_id = auth.uid());
create policy "Teams can be made by anybody" on tenancy.accounts for insert to authenticated
  with check (tenancy.is_set('enable_teams') = true and is_personal = false);
create policy "Owners change their accounts" on tenancy.accounts for update to authenticated using (tenancy.has_role_on_account(id, 'owner'));
alter table tenancy.account_members enable row level security;
create policy "Everybody sees their own memberships" on tenancy.account_members for select to authenticated using (user_id = auth.uid());
create policy "Members see who else is in" on tenancy.account_members for select to authenticated using (tenancy.has_role_on_account(account_id) = true);
create policy "Owners remove others" on tenancy.account_members for delete to authenticated using (
  tenancy.has_role_on_account(account_id, 'owner') = true
  and user_id <> (select a.primary_owner_id from tenancy.accounts a where a.id = account_members.account_id)
);
alter table tenancy.invitations enable row level security;
create policy "Owners see fresh invitations" on tenancy.invitations for select to authenticated
  using (created_at > '2022-01-01' and tenancy.has_role_on_account(account_id, 'owner') = true);
create policy "Owners invite" on tenancy.invitations for insert to authenticated with check (
  tenancy.is_set('enable_invites') = true and tenancy.has_role_on_account(account_id, 'owner') = true
  and (select a.is_personal from tenancy.accounts a where a.id = account_id) = false
);
alter table tenancy.subscriptions enable row level security;
create policy "Members see what is paid" on tenancy.subscriptions for select to authenticated using (tenancy.has_role_on_account(account_id));
alter table public.projects enable row level security;
create policy "Members do all with projects" on public.projects to authenticated
  using (account_id in (select tenancy.accounts_with_role())) with check (account_id in (select tenancy.accounts_with_role('owner')));
alter table public.project_notes enable row level security;
create policy "Notes of my projects" on public.project_notes for select to authenticated
  using (author_id = auth.uid() or tenancy.has_role_on_account(tenancy.account_of(project_id)));
create policy "Notes in projects that are not archived" on public.project_notes for insert to authenticated with check (
  author_id = auth.uid() and exists (select 1 from public.projects p where p.id = project_notes.project_id and not p.is_archived)
);
