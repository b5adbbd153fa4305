-- Channels, members, messages by month, reactions, read marks.
create schema chat;
grant usage on schema chat to authenticated;
create table chat.channels (id uuid primary key, name text not null, kind text not null default 'public' check (kind in ('public', 'private', 'direct')), created_by uuid not null references auth.users (id));
create table chat.channel_members (channel_id uuid not null references chat.channels (id) on delete cascade, user_id uuid not null references auth.users (id) on delete cascade, muted_until timestamptz, joined_at timestamptz default now(), constraint channel_members_pkey primary key (channel_id, user_id));
create table chat.messages (id bigint generated always as identity, channel_id uuid not null references chat.channels (id), author_id uuid references auth.users (id), body text, sent_at timestamptz not null default '2026-02-01', reply_to bigint, primary key (id, sent_at)) partition by range (sent_at);
create table chat.messages_2026_01 partition of chat.messages for values from ('2026-01-01') to ('2026-02-01');
create table chat.messages_2026_02 partition of chat.messages for values from ('2026-02-01') to ('2026-03-01');
create table chat.messages_rest partition of chat.messages default;
create table chat.reactions (message_id bigint not null, user_id uuid not null references auth.users (id), emoji varchar(16) not null, unique (message_id, user_id, emoji));
create table chat.read_marks (channel_id uuid not null, user_id uuid not null, last_read bigint, constraint read_marks_member foreign key (channel_id, user_id) references chat.channel_members (channel_id, user_id) on delete cascade deferrable initially deferred);
create table chat.attachments (id uuid primary key, message_id bigint, owner uuid default auth.uid(), meta json, size int, check (size > 0));
create index reactions_message_idx on chat.reactions (message_id);
create index members_user_idx on chat.channel_members (user_id);
create index members_user_idx2 on chat.channel_members (user_id);
create index messages_2026_01_author on chat.messages_2026_01 (author_id);
create function chat.in_channel(channel uuid) returns boolean language sql security definer as $$
  select exists (select from chat.channel_members where channel_id = channel and user_id = auth.uid())
$$;
alter table chat.channels enable row level security;
alter table chat.channel_members enable row level security;
alter table chat.messages enable row level security;
alter table chat.reactions enable row level security;
alter table chat.read_marks enable row level security;
alter table chat.attachments enable row level security;
create policy seen on chat.channels for select to authenticated using (kind = 'public' or chat.in_channel(id));
create policy created on chat.channels for insert to authenticated with check (created_by = auth.uid());
create policy seen on chat.channel_members for select to authenticated using (chat.in_channel(channel_id));
create policy leave on chat.channel_members for delete to authenticated using (user_id = auth.uid());
create policy seen on chat.messages for select to authenticated using (chat.in_channel(channel_id));
create policy sent on chat.messages for insert to authenticated with check (author_id = auth.uid() and chat.in_channel(channel_id));
create policy own on chat.messages for update to authenticated using (author_id = auth.uid());
create policy seen on chat.reactions for select to authenticated using (exists (select 1 from chat.messages m where m.id = message_id and chat.in_channel(m.channel_id)));
create policy own on chat.reactions for all to authenticated using (user_id = auth.uid()) with check (user_id = auth.uid());
create policy own on chat.read_marks for all to authenticated using (user_id = auth.uid());
create policy own on chat.attachments for all to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
