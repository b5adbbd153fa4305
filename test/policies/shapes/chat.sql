-- Rooms with participants, who may see who else is in by a function, since a policy that read its own table would
-- never end; messages below them, receipts below those, and blocks between people.
create table public.profiles (id uuid primary key references auth.users (id), handle text unique, is_banned boolean not null default false, is_private boolean);
create table public.rooms (id uuid primary key, kind text not null check (kind in ('direct', 'group', 'channel')), created_by uuid references public.profiles (id), closed_at timestamptz);
create table public.participants (room_id uuid references public.rooms (id), profile_id uuid references public.profiles (id), is_admin boolean not null, muted_until timestamptz, primary key (room_id, profile_id));
create table public.messages (id uuid primary key, room_id uuid not null references public.rooms (id), sender_id uuid not null references public.profiles (id), reply_to uuid references public.messages (id), body text, deleted boolean not null);
create table public.receipts (message_id uuid references public.messages (id), profile_id uuid references public.profiles (id), read_at timestamptz, primary key (message_id, profile_id));
create table public.blocks (blocker_id uuid not null references public.profiles (id), blocked_id uuid not null references public.profiles (id), primary key (blocker_id, blocked_id));

create function public.is_participant(room uuid) returns boolean language sql stable security definer set search_path = public as
  'select exists (select 1 from participants p where p.room_id = room and p.profile_id = auth.uid())';
create function public.is_room_admin(room uuid, person uuid) returns boolean language plpgsql stable security definer set search_path = public as $$
begin
  return exists (select 1 from participants where room_id = room and profile_id = person and is_admin);
end
$$;
create function public.is_banned() returns boolean language sql stable security definer set search_path = public as
  'select coalesce((select p.is_banned from profiles p where p.id = auth.uid()), false)';
create function public.is_blocked_by(other uuid) returns boolean language sql stable security definer set search_path = '' as
  'select exists (select 1 from public.blocks b where b.blocker_id = other and b.blocked_id = (select auth.uid()))';

alter table public.profiles enable row level security;
create policy "Profiles that are not private" on public.profiles for select using (is_private is not true or id = auth.uid());
create policy "Own profile" on public.profiles for update to authenticated using (id = auth.uid() and not is_banned);
alter table public.rooms enable row level security;
create policy "Rooms that I am in" on public.rooms for select to authenticated using (is_participant(id) or kind = 'channel');
create policy "Rooms begin with me" on public.rooms for insert to authenticated with check (created_by = auth.uid() and not is_banned());
create policy "Admins close rooms" on public.rooms for update to authenticated using (closed_at is null and is_room_admin(id, auth.uid()));
alter table public.participants enable row level security;
create policy "Who is in my rooms" on public.participants for select to authenticated using (is_participant(room_id));
create policy "Into channels by oneself" on public.participants for insert to authenticated with check (
  profile_id = auth.uid() and exists (select 1 from public.rooms r where r.id = room_id and r.kind = 'channel')
);
create policy "Out by oneself or by an admin" on public.participants for delete to authenticated using (profile_id = auth.uid() or is_room_admin(room_id, auth.uid()));
alter table public.messages enable row level security;
create policy "Messages of my rooms" on public.messages for select to authenticated using (
  exists (select 1 from public.participants p where p.room_id = messages.room_id and p.profile_id = auth.uid())
);
create policy "No messages of people who blocked me" on public.messages as restrictive for select to authenticated using (not is_blocked_by(sender_id));
create policy "Messages by myself" on public.messages for insert to authenticated with check (sender_id = auth.uid() and is_participant(room_id) and not is_banned());
create policy "Own messages" on public.messages for update to authenticated using (sender_id = auth.uid() and not deleted) with check (sender_id = auth.uid());
alter table public.receipts enable row level security;
create policy "Receipts in my rooms" on public.receipts for select to authenticated using (
  exists (select 1 from public.messages m where m.id = receipts.message_id and is_participant(m.room_id))
);
create policy "Own receipts" on public.receipts for all to authenticated using (profile_id = auth.uid());
alter table public.blocks enable row level security;
create policy "Own blocks" on public.blocks for all to authenticated using (blocker_id = auth.uid());
