-- What the platform (Supabase) gives every database before a team writes its first table.
-- Run by a superuser. Roles belong to the whole cluster, so those that exist are kept as they are.

-- step: roles
begin;
-- Several databases of one cluster may be loaded at once; this lock makes them take turns.
lock table pg_catalog.pg_authid in share row exclusive mode;

do $$
declare
  owner text := current_setting('casaora.owner');
  password text := current_setting('casaora.password');
  wanted record;
begin
  for wanted in
    values
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('supabase_auth_admin', 'nologin noinherit'),
      ('authenticator', 'login noinherit'),
      (owner, 'login createrole createdb bypassrls')
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.column1) then
      execute format('create role %I %s', wanted.column1, wanted.column2);
    end if;
  end loop;

  if password <> '' then
    execute format('alter role authenticator password %L', password);
    execute format('alter role %I password %L', owner, password);
  end if;

  grant anon, authenticated, service_role to authenticator;
  -- The owner alters settings of these roles; since PostgreSQL 16 that takes ADMIN OPTION.
  execute format('grant anon, authenticated, service_role, authenticator to %I with admin option', owner);
  -- The schema public belongs to whoever owns the database.
  execute format('alter database %I owner to %I', current_database(), owner);
end
$$;
commit;

-- step: auth schema
create schema auth authorization supabase_auth_admin;
set role supabase_auth_admin;

create table auth.users (
  id uuid primary key,
  aud text not null default 'authenticated',
  role text not null default 'authenticated',
  email text,
  encrypted_password text,
  email_confirmed_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb not null default '{"provider": "email", "providers": ["email"]}',
  raw_user_meta_data jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index users_email_key on auth.users (email);
alter table auth.users enable row level security;

create function auth.uid() returns uuid language sql stable as $$
  select
  coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;

create function auth.role() returns text language sql stable as $$
  select
  coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;

create function auth.email() returns text language sql stable as $$
  select
  coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
  )::text
$$;

create function auth.jwt() returns jsonb language sql stable as $$
  select
    coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
$$;

grant usage on schema auth to anon, authenticated, service_role;
do $$
begin
  execute format('grant usage on schema auth to %I', current_setting('casaora.owner'));
  execute format('grant all on auth.users to %I', current_setting('casaora.owner'));
end
$$;
reset role;

-- step: schemas and default privileges
do $$
begin
  execute format('set role %I', current_setting('casaora.owner'));
end
$$;

create schema extensions;
grant usage on schema extensions to anon, authenticated, service_role;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
reset role;
