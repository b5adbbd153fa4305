-- GIN indexes that nothing searches any more; every write pays for each of their words and keys. fastupdate went
-- off when searches waited for the pending list, and was never turned on again. They are newer than most of the
-- churn, and so not bloated.

-- step: search indexes
create index idx_bookings_address_search on public.bookings using gin (to_tsvector('simple', address))
  with (fastupdate = off);
create index idx_messages_body_search on public.messages using gin (to_tsvector('simple', body))
  with (fastupdate = off);
create index idx_messages_attachments on public.messages using gin (attachments);
create index idx_notifications_payload on public.notifications using gin (payload)
  with (fastupdate = off);
create index idx_audit_events_detail on public.audit_events using gin (detail);
create index idx_payment_intents_metadata on public.payment_intents using gin (metadata)
  with (fastupdate = off);
create index idx_reviews_comment_search on public.reviews using gin (to_tsvector('simple', comment))
  with (fastupdate = off);
