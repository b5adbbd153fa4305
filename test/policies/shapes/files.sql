-- Files whose paths say whom they belong to: people, projects by their id, and shared folders.
create schema files;
grant usage on schema files to anon, authenticated;
create table files.buckets (id text primary key, is_public boolean not null);
create table files.objects (id uuid primary key, bucket_id text references files.buckets (id), path text not null, owner uuid, size bigint, metadata jsonb);
create table public.projects (id uuid primary key, lead uuid references auth.users (id), code text);
create table public.project_people (project_id uuid references public.projects (id), person_id uuid references auth.users (id), can_write boolean);
create table public.shares (folder text, shared_with text, expires_at timestamptz);

create function files.folders(path text) returns text[] language plpgsql immutable as $$
declare parts text[];
begin
  parts := string_to_array(path, '/');
  return parts[1:array_length(parts, 1) - 1];
end
$$;
create function files.is_in_project(project uuid) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select 1 from public.project_people p where p.project_id = project and p.person_id = auth.uid())';
create function files.may_write(project uuid) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select 1 from public.project_people p where p.project_id = project and p.person_id = auth.uid() and p.can_write) or exists (select 1 from public.projects q where q.id = project and q.lead = auth.uid())';
create function files.shared_folders() returns setof text language sql stable security definer set search_path = '' as
  'select s.folder from public.shares s where s.shared_with = auth.email() and s.expires_at > ''2030-01-01''';

alter table files.buckets enable row level security;
create policy "Public buckets" on files.buckets for select using (is_public);
alter table files.objects enable row level security;
create policy "Avatars of everybody" on files.objects for select using (bucket_id = 'avatars');
create policy "Own folder" on files.objects for all to authenticated
  using (bucket_id = 'avatars' and (auth.uid())::text = (files.folders(path))[1])
  with check (bucket_id = 'avatars' and (auth.uid())::text = (files.folders(path))[1] and size < 100);
create policy "Documents of my projects" on files.objects for select to authenticated
  using (bucket_id = 'documents' and path like '________-____-____-____-____________/%' and files.is_in_project(split_part(path, '/', 1)::uuid));
create policy "Documents into my projects" on files.objects for insert to authenticated
  with check (bucket_id = 'documents' and files.may_write(((files.folders(path))[1])::uuid));
create policy "Shared with me" on files.objects for select to authenticated
  using (bucket_id = 'shared' and (files.folders(path))[1] in (select files.shared_folders()));
create policy "Own objects" on files.objects for delete to authenticated using (owner = auth.uid() or (metadata ->> 'user_id') = auth.uid()::text);
alter table public.projects enable row level security;
create policy "Projects that I lead or am in" on public.projects for select to authenticated using (lead = auth.uid() or files.is_in_project(id));
create policy "Leads change projects" on public.projects for update to authenticated using (lead = auth.uid()) with check (code is not null and files.may_write(id));
alter table public.project_people enable row level security;
create policy "People of projects that I lead" on public.project_people for all to authenticated using (
  exists (select 1 from public.projects p where p.id = project_people.project_id and p.lead = auth.uid())
);
create policy "Myself" on public.project_people for select to authenticated using (person_id = auth.uid());
alter table public.shares enable row level security;
create policy "Shares with me" on public.shares for select to authenticated using (shared_with = auth.email());
create policy "Shares of my folder" on public.shares for all to authenticated using (folder = auth.uid()::text);
