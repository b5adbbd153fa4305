-- What the shapes stand on, run by a superuser: who is asking, as hosted platforms tell it.
create schema auth;
create table auth.users (id uuid primary key, email text, raw_app_meta_data jsonb not null default '{}');
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
  select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
$$;
create function auth.jwt() returns jsonb language sql stable as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb
$$;
grant usage on schema auth to public;
do $$
begin
  execute format('grant all on auth.users to %I', current_setting('shapes.owner'));
  execute format('alter default privileges for role %I grant all on tables to anon, authenticated', current_setting('shapes.owner'));
end
$$;
grant usage on schema public to anon, authenticated;
