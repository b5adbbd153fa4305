-- Software as a service: every row belongs to a tenant, and its members see it.
create schema app;
grant usage on schema app to anon, authenticated;
create type app.member_role as enum ('owner', 'admin', 'member', 'guest');
create table app.tenants (id uuid primary key, slug text not null unique, plan text not null default 'free', settings json);
create table app.memberships (tenant_id uuid not null references app.tenants (id) on delete cascade, user_id uuid not null references auth.users (id), role app.member_role not null default 'member', invited_by uuid references auth.users (id), primary key (tenant_id, user_id));
create table app.projects (id bigint generated always as identity primary key, tenant_id uuid not null references app.tenants (id), name text not null, archived_at timestamp, created_by uuid references auth.users (id), unique (tenant_id, id));
create table app.documents (id bigserial primary key, tenant_id uuid not null, project_id bigint not null, parent_id bigint references app.documents (id) on delete set null, body text, tags text[], is_public boolean not null default false, created_at timestamptz not null default now(), foreign key (tenant_id, project_id) references app.projects (tenant_id, id));
create table app.invitations (email text not null, tenant_id uuid not null references app.tenants (id), token uuid not null unique, accepted_at timestamptz);
create table app.audit_log (at timestamptz not null default now(), tenant_id uuid, actor uuid, action text not null, detail jsonb);
create index documents_tenant_idx on app.documents (tenant_id);
create index documents_tenant_project_idx on app.documents (tenant_id, project_id);
create index documents_tags_idx on app.documents (tags);
create index projects_tenant_idx on app.projects (tenant_id);
alter table app.documents add constraint documents_body_check check (length(body) < 100000) not valid;
create function app.is_member(wanted uuid) returns boolean language sql stable security definer as $$
  select exists (select 1 from app.memberships m where m.tenant_id = wanted and m.user_id = auth.uid())
$$;
create function app.has_role(wanted uuid, lowest app.member_role) returns boolean language plpgsql stable security definer as $$
begin
  return exists (select 1 from app.memberships m where m.tenant_id = wanted and m.user_id = auth.uid() and m.role <= lowest);
end
$$;
alter table app.tenants enable row level security;
alter table app.memberships enable row level security;
alter table app.projects enable row level security;
alter table app.documents enable row level security;
alter table app.invitations enable row level security;
alter table app.audit_log enable row level security;
create policy read on app.tenants for select to authenticated using (app.is_member(id));
create policy change on app.tenants for update to authenticated using (app.has_role(id, 'admin'));
create policy own on app.memberships for select to authenticated using (user_id = auth.uid());
create policy read on app.projects for select to authenticated using (app.is_member(tenant_id));
create policy "all for members" on app.projects for all to authenticated using (tenant_id in (select m.tenant_id from app.memberships m where m.user_id = auth.uid()));
create policy read on app.documents for select to authenticated using (is_public or exists (select 1 from app.memberships m where m.tenant_id = documents.tenant_id and m.user_id = auth.uid()));
create policy read_again on app.documents for select to authenticated using (is_public or exists (select 1 from app.memberships m where m.tenant_id = documents.tenant_id and m.user_id = auth.uid()));
create policy write on app.documents for insert to authenticated with check (app.is_member(tenant_id));
create policy invited on app.invitations for select to authenticated using (email = auth.email());
create policy read on app.audit_log for select to authenticated using (app.has_role(tenant_id, 'owner'));
create view app.open_projects with (security_barrier) as select * from app.projects where archived_at is null;
grant select on app.open_projects to authenticated;
