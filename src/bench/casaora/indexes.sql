-- The indexes that Casaora has: some are never read, some are there twice, and those that its queries and
-- foreign keys need are missing.

-- step: indexes
-- Unused: nothing searches by these columns any more, and every write pays for them.
create index idx_bookings_updated_at on public.bookings (updated_at);
create index idx_bookings_currency on public.bookings (currency);
create index idx_bookings_service_updated_at on public.bookings (service, updated_at);
create index idx_messages_edited_at on public.messages (edited_at);
create index idx_notifications_kind on public.notifications (kind);
create index idx_notifications_title_created_at on public.notifications (title, created_at);
create index idx_audit_events_entity_id on public.audit_events (entity_id);
create index idx_audit_events_action on public.audit_events (action);
create index idx_payment_intents_updated_at on public.payment_intents (updated_at);
create index idx_payment_intents_currency_updated_at on public.payment_intents (currency, updated_at);

-- Duplicate or redundant: another index does the same.
create index idx_profiles_id on public.profiles (id);
create index idx_reviews_booking_id on public.reviews (booking_id);
create index idx_favorites_customer on public.favorites (customer_id);
create index idx_favorites_customer_professional on public.favorites (customer_id, professional_id);
create index idx_messages_created_at on public.messages (created_at);
create index messages_created_at_idx on public.messages (created_at);

-- Used.
create index idx_bookings_created_at on public.bookings (created_at);
create unique index profiles_email_key on public.profiles (email);
