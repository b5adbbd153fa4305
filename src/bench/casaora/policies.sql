-- Row-level security as busy teams write it: right, and slow. auth.uid() and is_admin() run for every row,
-- membership is a function of the row, and rights through another table are a correlated EXISTS.

-- step: row-level security
alter table public.cities enable row level security;
alter table public.profiles enable row level security;
alter table public.professional_profiles enable row level security;
alter table public.availability enable row level security;
alter table public.bookings enable row level security;
alter table public.reviews enable row level security;
alter table public.payment_intents enable row level security;
alter table public.favorites enable row level security;
alter table public.conversations enable row level security;
alter table public.conversation_members enable row level security;
alter table public.messages enable row level security;
alter table public.notifications enable row level security;
alter table public.audit_events enable row level security;

-- step: policies
create policy "Cities are visible to everyone" on public.cities for select using (is_active);
create policy "Admins manage cities" on public.cities for all using (is_admin()) with check (is_admin());

create policy "Admins manage profiles" on public.profiles for all using (is_admin()) with check (is_admin());
create policy "Users can view their own profile" on public.profiles for select using (auth.uid() = id);
create policy "Professionals are visible to everyone" on public.profiles for select using (role = 'professional');
create policy "Professionals can view their customers" on public.profiles for select to authenticated
  using (exists (
    select 1 from public.bookings b where b.customer_id = profiles.id and b.professional_id = auth.uid()
  ));
create policy "Users can create their own profile" on public.profiles for insert to authenticated
  with check (auth.uid() = id and role <> 'admin');
create policy "Users can update their own profile" on public.profiles for update to authenticated
  using (auth.uid() = id) with check (auth.uid() = id and role <> 'admin');

create policy "Admins manage professionals" on public.professional_profiles for all
  using (is_admin()) with check (is_admin());
create policy "Verified professionals are visible to everyone" on public.professional_profiles for select
  using (is_active and verification_status = 'verified');
create policy "Professionals can view their own listing" on public.professional_profiles for select to authenticated
  using (auth.uid() = profile_id);
create policy "Professionals can create their own listing" on public.professional_profiles for insert to authenticated
  with check (auth.uid() = profile_id and is_professional() and verification_status = 'pending');
create policy "Professionals can update their own listing" on public.professional_profiles for update to authenticated
  using (auth.uid() = profile_id) with check (auth.uid() = profile_id and is_professional());

create policy "Availability of listed professionals is visible" on public.availability for select
  using (exists (
    select 1 from public.professional_profiles p
    where p.profile_id = availability.professional_id and p.is_active and p.verification_status = 'verified'
  ));
create policy "Professionals manage their availability" on public.availability for all to authenticated
  using (professional_id = auth.uid() and is_professional())
  with check (professional_id = auth.uid() and is_professional());

create policy "Admins manage bookings" on public.bookings for all using (is_admin()) with check (is_admin());
create policy "Users can view their bookings" on public.bookings for select to authenticated
  using (customer_id = auth.uid() or professional_id = auth.uid());
create policy "Customers can create bookings" on public.bookings for insert to authenticated
  with check (customer_id = auth.uid() and status = 'pending');
create policy "Users can update their bookings" on public.bookings for update to authenticated
  using (customer_id = auth.uid() or professional_id = auth.uid())
  with check (customer_id = auth.uid() or professional_id = auth.uid());

create policy "Admins manage reviews" on public.reviews for all using (is_admin()) with check (is_admin());
create policy "Published reviews are visible to everyone" on public.reviews for select using (is_published);
create policy "Customers can view their own reviews" on public.reviews for select to authenticated
  using (customer_id = auth.uid());
create policy "Customers can review completed bookings" on public.reviews for insert to authenticated
  with check (
    customer_id = auth.uid()
    and exists (
      select 1 from public.bookings b
      where b.id = reviews.booking_id and b.customer_id = auth.uid() and b.status = 'completed'
    )
  );
create policy "Professionals can respond to their reviews" on public.reviews for update to authenticated
  using (professional_id = auth.uid() and is_professional())
  with check (professional_id = auth.uid() and is_professional());

create policy "Admins manage payments" on public.payment_intents for all using (is_admin()) with check (is_admin());
create policy "Participants can view payments" on public.payment_intents for select to authenticated
  using (exists (
    select 1 from public.bookings b
    where b.id = payment_intents.booking_id and (b.customer_id = auth.uid() or b.professional_id = auth.uid())
  ));
create policy "Customers can start payments" on public.payment_intents for insert to authenticated
  with check (customer_id = auth.uid() and status = 'requires_payment_method');

create policy "Customers manage their favorites" on public.favorites for all to authenticated
  using (auth.uid() = customer_id) with check (auth.uid() = customer_id);

create policy "Members can view conversations" on public.conversations for select to authenticated
  using (is_conversation_member(id) or created_by = auth.uid());
create policy "Users can start conversations" on public.conversations for insert to authenticated
  with check (created_by = auth.uid());
create policy "Members can update conversations" on public.conversations for update to authenticated
  using (is_conversation_member(id)) with check (is_conversation_member(id));

create policy "Members can view members" on public.conversation_members for select to authenticated
  using (is_conversation_member(conversation_id));
create policy "Users can be added to conversations" on public.conversation_members for insert to authenticated
  with check (
    user_id = auth.uid()
    or exists (
      select 1 from public.conversations c
      where c.id = conversation_members.conversation_id and c.created_by = auth.uid()
    )
  );
create policy "Members can mark conversations as read" on public.conversation_members for update to authenticated
  using (user_id = auth.uid()) with check (user_id = auth.uid());

create policy "Members can view messages" on public.messages for select to authenticated
  using (is_conversation_member(conversation_id));
create policy "Members can send messages" on public.messages for insert to authenticated
  with check (sender_id = auth.uid() and is_conversation_member(conversation_id));
create policy "Members can update messages" on public.messages for update to authenticated
  using (is_conversation_member(conversation_id)) with check (is_conversation_member(conversation_id));
create policy "Admins moderate messages" on public.messages for delete to authenticated using (is_admin());

create policy "Users can view their notifications" on public.notifications for select using (auth.uid() = user_id);
create policy "Users can update their notifications" on public.notifications for update
  using (auth.uid() = user_id) with check (auth.uid() = user_id);
create policy "Users can delete their notifications" on public.notifications for delete using (auth.uid() = user_id);

create policy "Admins can read audit events" on public.audit_events for select using (is_admin());
create policy "Users write audit events" on public.audit_events for insert to authenticated
  with check (actor_id = auth.uid());
