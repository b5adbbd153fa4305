-- An issue tracker: composite keys, comments that answer comments, custom fields, a history by triggers.
create schema tracker;
grant usage on schema tracker to authenticated;
create domain tracker.short_key as text check (length(value) < 80);
create table tracker.workspaces (id uuid primary key, key tracker.short_key not null unique);
create table tracker.workspace_users (workspace_id uuid not null references tracker.workspaces (id), user_id uuid not null, is_admin boolean not null default false, primary key (user_id, workspace_id));
create table tracker.issues (workspace_id uuid not null references tracker.workspaces (id), number int not null, title text not null, state text not null default 'open', assignee uuid, reporter uuid not null, parent_number int, labels text[] not null default '{}', due date, updated_at timestamptz default now(), primary key (workspace_id, number), foreign key (workspace_id, parent_number) references tracker.issues (workspace_id, number), foreign key (assignee, workspace_id) references tracker.workspace_users (user_id, workspace_id));
create table tracker.comments (id uuid primary key, workspace_id uuid not null, issue_number int not null, author uuid not null, body text not null, answers uuid references tracker.comments (id), foreign key (workspace_id, issue_number) references tracker.issues (workspace_id, number) on delete cascade);
create table tracker.custom_fields (workspace_id uuid not null references tracker.workspaces (id), name text not null, value json);
create table tracker.history (id bigint generated always as identity, workspace_id uuid, number int, changed_at timestamptz default now(), old jsonb, new jsonb);
create table tracker.watchers (workspace_id uuid not null, number int not null, user_id uuid not null, unique nulls distinct (workspace_id, number, user_id));
create index issues_state_idx on tracker.issues (state) where state = 'open';
create index issues_assignee_idx on tracker.issues (assignee);
create index issues_workspace_idx on tracker.issues (workspace_id);
create index issues_labels_idx on tracker.issues (labels);
create index comments_lower_idx on tracker.comments (lower(body) text_pattern_ops);
create index "comments issue" on tracker.comments (workspace_id, issue_number);
create index "comments issue 2" on tracker.comments (workspace_id, issue_number);
alter table tracker.comments add constraint "body is not empty" check (length(body) < 5000) not valid;
create function tracker.note_change() returns trigger language plpgsql security definer as $$
begin
  insert into tracker.history (workspace_id, number, old, new) values (new.workspace_id, new.number, to_jsonb(old), to_jsonb(new));
  return new;
end
$$;
create trigger note_change after update on tracker.issues for each row execute function tracker.note_change();
create function tracker.workspaces_of_caller() returns setof uuid language sql stable security definer set search_path = '' as $$
  select workspace_id from tracker.workspace_users where user_id = auth.uid()
$$;
create function tracker.is_workspace_admin(workspace uuid) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select 1 from tracker.workspace_users u where u.workspace_id = workspace and u.user_id = auth.uid() and u.is_admin)
$$;
alter table tracker.workspaces enable row level security;
alter table tracker.workspace_users enable row level security;
alter table tracker.issues enable row level security;
alter table tracker.comments enable row level security;
alter table tracker.custom_fields enable row level security;
alter table tracker.history enable row level security;
alter table tracker.watchers enable row level security;
create policy p on tracker.workspaces using (id in (select tracker.workspaces_of_caller()));
create policy p on tracker.workspace_users for select using (user_id = auth.uid() or tracker.is_workspace_admin(workspace_id));
create policy p on tracker.issues using (workspace_id in (select tracker.workspaces_of_caller())) with check (reporter = auth.uid());
create policy admins on tracker.issues for delete using (tracker.is_workspace_admin(workspace_id));
create policy p on tracker.comments for select using (exists (select 1 from tracker.issues i where i.workspace_id = comments.workspace_id and i.number = comments.issue_number));
create policy own on tracker.comments for update using (author = auth.uid());
create policy p on tracker.custom_fields using (tracker.is_workspace_admin(workspace_id));
create policy p on tracker.history for select using (tracker.is_workspace_admin(workspace_id));
create policy p on tracker.watchers using (user_id = auth.uid());
