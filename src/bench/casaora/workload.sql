-- What Casaora sends to its database in an hour: statements with their frequency, the role and claims of whoever
-- sends them, and arguments that exist in every size of the data. Some, as is usual on Supabase, leave it to
-- row-level security to find the user's rows.

-- Visitors: search and a professional's page.

-- name: search_city
-- calls: 12000
-- types: int, text
-- args: 1, 'cleaning'
-- args: 7, 'deep_cleaning'
-- role: anon
-- claims: {"role": "anon"}
SELECT profile_id, headline, services, hourly_rate, rating, review_count
FROM professional_profiles
WHERE city_id = $1 AND is_active AND verification_status = 'verified' AND services @> ARRAY[$2]
ORDER BY rating DESC, review_count DESC
LIMIT 20;

-- name: search_city_by_price
-- calls: 4000
-- types: int, numeric
-- args: 1, 20
-- role: anon
-- claims: {"role": "anon"}
SELECT profile_id, headline, services, hourly_rate, rating
FROM professional_profiles
WHERE city_id = $1 AND is_active AND verification_status = 'verified' AND hourly_rate <= $2
ORDER BY hourly_rate
LIMIT 20;

-- name: search_city_signed_in
-- calls: 9000
-- types: int
-- args: 1
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT profile_id, headline, services, hourly_rate, rating, review_count
FROM professional_profiles
WHERE city_id = $1 AND is_active AND verification_status = 'verified'
ORDER BY rating DESC, review_count DESC
LIMIT 20;

-- name: count_in_city
-- calls: 3000
-- types: int
-- args: 1
-- args: 7
-- role: anon
-- claims: {"role": "anon"}
SELECT count(*)
FROM professional_profiles
WHERE city_id = $1 AND is_active AND verification_status = 'verified';

-- name: home_top_rated
-- calls: 6000
-- role: anon
-- claims: {"role": "anon"}
SELECT profile_id, headline, city_id, rating, review_count
FROM professional_profiles
WHERE is_active AND verification_status = 'verified'
ORDER BY rating DESC, review_count DESC
LIMIT 12;

-- name: professional_page
-- calls: 8000
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: anon
-- claims: {"role": "anon"}
SELECT p.full_name, p.avatar_url, l.headline, l.bio, l.services, l.hourly_rate, l.rating, l.review_count
FROM professional_profiles l
JOIN profiles p ON p.id = l.profile_id
WHERE l.profile_id = $1;

-- name: professional_weekly_hours
-- calls: 8000
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: anon
-- claims: {"role": "anon"}
SELECT weekday, starts_at, ends_at
FROM availability
WHERE professional_id = $1 AND is_available
ORDER BY weekday;

-- name: professional_busy_times
-- calls: 10000
-- types: uuid, date, date
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc', '2026-11-20', '2026-12-04'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT booking_date, start_time, duration_minutes FROM busy_times($1, $2, $3);

-- name: review_summary
-- calls: 9000
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- args: 'd3e3eea6-e787-3293-61ea-44167fdcaca4'
-- role: anon
-- claims: {"role": "anon"}
SELECT count(*), avg(rating)
FROM reviews
WHERE professional_id = $1 AND is_published;

-- name: review_histogram
-- calls: 4000
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT rating, count(*)
FROM reviews
WHERE professional_id = $1 AND is_published
GROUP BY rating
ORDER BY rating DESC;

-- name: latest_reviews
-- calls: 9000
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- args: 'd3e3eea6-e787-3293-61ea-44167fdcaca4'
-- role: anon
-- claims: {"role": "anon"}
SELECT id, rating, comment, response, created_at
FROM reviews
WHERE professional_id = $1 AND is_published
ORDER BY created_at DESC
LIMIT 10;

-- name: list_cities
-- calls: 5000
-- role: anon
-- claims: {"role": "anon"}
SELECT id, name, slug FROM cities WHERE is_active ORDER BY name;

-- Customers.

-- name: my_profile
-- calls: 15000
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT full_name, email, phone, city_id, locale, avatar_url FROM profiles WHERE id = $1;

-- name: my_bookings
-- calls: 8000
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT id, professional_id, service, status, booking_date, start_time, price_cents
FROM bookings
WHERE customer_id = $1
ORDER BY booking_date DESC
LIMIT 20;

-- name: my_upcoming_bookings
-- calls: 9000
-- types: date
-- args: '2026-11-20'
-- role: authenticated
-- claims: {"sub": "1c0fef1b-eaff-56ef-556c-6b013153b686", "role": "authenticated"}
SELECT id, professional_id, service, status, booking_date, start_time
FROM bookings
WHERE booking_date >= $1
ORDER BY booking_date, start_time
LIMIT 10;

-- name: my_booking_counts
-- calls: 3000
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT status, count(*) FROM bookings WHERE customer_id = $1 GROUP BY status;

-- name: booking_detail
-- calls: 7000
-- types: uuid
-- args: 'dfe55839-38c5-3d43-e129-224bd9cc88cd'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT b.id, b.service, b.status, b.booking_date, b.start_time, b.address, b.notes, p.full_name, p.avatar_url
FROM bookings b
JOIN profiles p ON p.id = b.professional_id
WHERE b.id = $1;

-- name: bookings_to_review
-- calls: 2000
-- types: uuid
-- args: '1c0fef1b-eaff-56ef-556c-6b013153b686'
-- role: authenticated
-- claims: {"sub": "1c0fef1b-eaff-56ef-556c-6b013153b686", "role": "authenticated"}
SELECT b.id, b.professional_id, b.service, b.booking_date
FROM bookings b
WHERE b.customer_id = $1 AND b.status = 'completed'
  AND NOT EXISTS (SELECT FROM reviews r WHERE r.booking_id = b.id)
ORDER BY b.booking_date DESC
LIMIT 5;

-- name: my_reviews
-- calls: 1000
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT id, professional_id, rating, comment, created_at
FROM reviews
WHERE customer_id = $1
ORDER BY created_at DESC
LIMIT 20;

-- name: my_payments
-- calls: 2500
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT id, booking_id, amount_cents, currency, status, created_at
FROM payment_intents
WHERE customer_id = $1
ORDER BY created_at DESC
LIMIT 20;

-- name: payments_of_booking
-- calls: 3000
-- types: uuid
-- args: 'dfe55839-38c5-3d43-e129-224bd9cc88cd'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT id, amount_cents, currency, status FROM payment_intents WHERE booking_id = $1;

-- name: all_my_payments
-- calls: 300
-- role: authenticated
-- claims: {"sub": "1c0fef1b-eaff-56ef-556c-6b013153b686", "role": "authenticated"}
SELECT status, count(*), sum(amount_cents) FROM payment_intents GROUP BY status;

-- name: my_favorites
-- calls: 4000
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT l.profile_id, l.headline, l.hourly_rate, l.rating
FROM favorites f
JOIN professional_profiles l ON l.profile_id = f.professional_id
WHERE f.customer_id = $1
ORDER BY f.created_at DESC
LIMIT 20;

-- name: is_favorite
-- calls: 6000
-- types: uuid, uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64', 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT EXISTS (SELECT FROM favorites WHERE customer_id = $1 AND professional_id = $2);

-- name: favorites_of_professional
-- calls: 800
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: service_role
-- claims: {"role": "service_role"}
SELECT count(*) FROM favorites WHERE professional_id = $1;

-- Conversations and notifications.

-- name: inbox
-- calls: 9000
-- role: authenticated
-- claims: {"sub": "1c0fef1b-eaff-56ef-556c-6b013153b686", "role": "authenticated"}
SELECT id, booking_id, subject, last_message_at
FROM conversations
ORDER BY last_message_at DESC
LIMIT 20;

-- name: inbox_of_professional
-- calls: 3000
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT c.id, c.subject, c.last_message_at, m.last_read_at
FROM conversations c
JOIN conversation_members m ON m.conversation_id = c.id
WHERE m.user_id = $1
ORDER BY c.last_message_at DESC
LIMIT 20;

-- name: conversation_members
-- calls: 6000
-- types: uuid
-- args: '4503e8ca-73d9-f731-0a1e-0ed9d9c9b646'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT user_id, last_read_at FROM conversation_members WHERE conversation_id = $1;

-- name: messages_of_conversation
-- calls: 12000
-- types: uuid
-- args: '4503e8ca-73d9-f731-0a1e-0ed9d9c9b646'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT id, sender_id, body, attachments, read_at, created_at
FROM messages
WHERE conversation_id = $1
ORDER BY created_at DESC
LIMIT 50;

-- name: unread_messages
-- calls: 5000
-- types: uuid
-- args: '1c0fef1b-eaff-56ef-556c-6b013153b686'
-- role: authenticated
-- claims: {"sub": "1c0fef1b-eaff-56ef-556c-6b013153b686", "role": "authenticated"}
SELECT count(*) FROM messages WHERE read_at IS NULL AND sender_id <> $1;

-- name: messages_since
-- calls: 4000
-- types: timestamptz
-- args: '2026-11-12'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT id, conversation_id, sender_id, body, created_at
FROM messages
WHERE created_at > $1
ORDER BY created_at;

-- name: unread_notifications
-- calls: 20000
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT count(*) FROM notifications WHERE user_id = $1 AND read_at IS NULL;

-- name: latest_notifications
-- calls: 8000
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
SELECT id, kind, title, payload, read_at, created_at
FROM notifications
WHERE user_id = $1
ORDER BY created_at DESC
LIMIT 30;

-- name: all_my_notifications
-- calls: 1500
-- role: authenticated
-- claims: {"sub": "1c0fef1b-eaff-56ef-556c-6b013153b686", "role": "authenticated"}
SELECT kind, count(*) FROM notifications GROUP BY kind;

-- Professionals.

-- name: availability
-- calls: 10000
-- types: uuid, date, date
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc', '2026-11-20', '2026-12-04'
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc', '2026-11-01', '2026-11-30'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT id, booking_date, start_time, duration_minutes, status
FROM bookings
WHERE professional_id = $1 AND booking_date BETWEEN $2 AND $3 AND status NOT IN ('cancelled', 'declined')
ORDER BY booking_date, start_time;

-- name: todays_jobs
-- calls: 5000
-- types: date
-- args: '2026-11-23'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT id, customer_id, service, start_time, duration_minutes, address
FROM bookings
WHERE booking_date = $1 AND status = 'confirmed'
ORDER BY start_time;

-- name: requests_to_answer
-- calls: 4000
-- types: uuid, date
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc', '2026-11-20'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT id, customer_id, service, booking_date, start_time, price_cents
FROM bookings
WHERE professional_id = $1 AND status = 'pending' AND booking_date >= $2
ORDER BY created_at;

-- name: my_customers
-- calls: 700
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT id, full_name, avatar_url
FROM profiles
WHERE role = 'customer'
ORDER BY full_name
LIMIT 50;

-- name: earnings_by_month
-- calls: 900
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT date_trunc('month', b.booking_date) AS month, sum(p.amount_cents), count(*)
FROM bookings b
JOIN payment_intents p ON p.booking_id = b.id
WHERE b.professional_id = $1 AND p.status = 'succeeded'
GROUP BY 1
ORDER BY 1;

-- name: reviews_to_answer
-- calls: 1200
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT id, rating, comment, created_at
FROM reviews
WHERE professional_id = $1 AND response IS NULL
ORDER BY created_at DESC
LIMIT 20;

-- name: my_listing
-- calls: 2000
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT headline, bio, services, hourly_rate, verification_status, is_active, rating
FROM professional_profiles
WHERE profile_id = $1;

-- name: my_hours
-- calls: 1500
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
SELECT id, weekday, starts_at, ends_at, is_available FROM availability WHERE professional_id = $1 ORDER BY weekday;

-- Administrators.

-- name: admin_bookings_by_status
-- calls: 60
-- types: date
-- args: '2026-11-20'
-- role: authenticated
-- claims: {"sub": "ff489bf5-eae8-11c1-3710-596f3db3369f", "role": "authenticated"}
SELECT status, count(*) FROM bookings WHERE booking_date = $1 GROUP BY status;

-- name: admin_latest_bookings
-- calls: 100
-- role: authenticated
-- claims: {"sub": "ff489bf5-eae8-11c1-3710-596f3db3369f", "role": "authenticated"}
SELECT id, customer_id, professional_id, status, created_at
FROM bookings
ORDER BY created_at DESC
LIMIT 50;

-- name: admin_revenue_by_day
-- calls: 40
-- types: timestamptz
-- args: '2026-11-13'
-- role: authenticated
-- claims: {"sub": "ff489bf5-eae8-11c1-3710-596f3db3369f", "role": "authenticated"}
SELECT created_at::date AS day, currency, sum(amount_cents)
FROM payment_intents
WHERE status = 'succeeded' AND created_at >= $1
GROUP BY 1, 2
ORDER BY 1;

-- name: admin_verification_queue
-- calls: 120
-- role: authenticated
-- claims: {"sub": "ff489bf5-eae8-11c1-3710-596f3db3369f", "role": "authenticated"}
SELECT profile_id, headline, city_id, verification_status, created_at
FROM professional_profiles
WHERE verification_status IN ('pending', 'in_review')
ORDER BY created_at
LIMIT 50;

-- name: admin_cancellations_by_city
-- calls: 20
-- types: date
-- args: '2026-11-01'
-- role: authenticated
-- claims: {"sub": "ff489bf5-eae8-11c1-3710-596f3db3369f", "role": "authenticated"}
SELECT c.name, count(*)
FROM bookings b
JOIN cities c ON c.id = b.city_id
WHERE b.status = 'cancelled' AND b.booking_date >= $1
GROUP BY c.name
ORDER BY count(*) DESC
LIMIT 10;

-- name: admin_audit_trail
-- calls: 80
-- role: authenticated
-- claims: {"sub": "ff489bf5-eae8-11c1-3710-596f3db3369f", "role": "authenticated"}
SELECT id, actor_id, action, entity, entity_id, detail, created_at
FROM audit_events
ORDER BY created_at DESC
LIMIT 100;

-- name: admin_audit_of_user
-- calls: 50
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "ff489bf5-eae8-11c1-3710-596f3db3369f", "role": "authenticated"}
SELECT id, action, entity, entity_id, created_at
FROM audit_events
WHERE actor_id = $1
ORDER BY created_at DESC
LIMIT 50;

-- The server itself: search box of the support desk, jobs and webhooks.

-- name: support_find_person
-- calls: 300
-- types: text
-- args: '%valentina torres%'
-- role: service_role
-- claims: {"role": "service_role"}
SELECT id, full_name, email, role FROM profiles WHERE full_name ILIKE $1 ORDER BY full_name LIMIT 20;

-- name: support_find_email
-- calls: 400
-- types: text
-- args: 'customer20@casaora.example'
-- role: service_role
-- claims: {"role": "service_role"}
SELECT id, full_name, role FROM profiles WHERE lower(email) = $1;

-- name: free_slot
-- calls: 4000
-- types: uuid, date, time
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc', '2026-11-25', '09:00'
-- role: service_role
-- claims: {"role": "service_role"}
SELECT NOT EXISTS (
  SELECT FROM bookings
  WHERE professional_id = $1 AND booking_date = $2 AND status NOT IN ('cancelled', 'declined') AND start_time = $3
);

-- name: match_services
-- calls: 600
-- types: text, text
-- args: 'assembly', 'pet_care'
-- role: service_role
-- claims: {"role": "service_role"}
SELECT profile_id, city_id, hourly_rate
FROM professional_profiles
WHERE services @> ARRAY[$1, $2] AND is_active;

-- name: stale_requests
-- calls: 300
-- types: timestamptz, date
-- args: '2026-11-10', '2026-11-20'
-- role: service_role
-- claims: {"role": "service_role"}
SELECT id, customer_id, professional_id
FROM bookings
WHERE status = 'pending' AND created_at < $1 AND booking_date >= $2
ORDER BY created_at
LIMIT 100;

-- name: reminders_for_tomorrow
-- calls: 60
-- types: date
-- args: '2026-11-21'
-- role: service_role
-- claims: {"role": "service_role"}
SELECT id, customer_id, start_time, address FROM bookings WHERE booking_date = $1 AND status = 'confirmed';

-- name: unsettled_payments
-- calls: 300
-- types: timestamptz
-- args: '2026-10-01'
-- role: service_role
-- claims: {"role": "service_role"}
SELECT id, provider_intent_id, amount_cents
FROM payment_intents
WHERE status IN ('requires_payment_method', 'processing') AND created_at >= $1
ORDER BY created_at
LIMIT 200;

-- name: payment_webhook
-- calls: 2500
-- types: text
-- args: 'pi_24f3b103c0f4b8fed25edc7002417fcb'
-- role: service_role
-- claims: {"role": "service_role"}
UPDATE payment_intents SET status = 'succeeded' WHERE provider_intent_id = $1;

-- name: refresh_rating
-- calls: 900
-- types: uuid
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: service_role
-- claims: {"role": "service_role"}
UPDATE professional_profiles l
SET rating = s.rating, review_count = s.total
FROM (
  SELECT round(avg(rating), 2) AS rating, count(*)::int AS total
  FROM reviews
  WHERE professional_id = $1 AND is_published
) s
WHERE l.profile_id = $1;

-- Writes.

-- name: create_booking
-- calls: 2500
-- types: uuid, uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64', 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
INSERT INTO bookings (customer_id, professional_id, city_id, service, booking_date, start_time, duration_minutes, price_cents, currency, address)
VALUES ($1, $2, 34, 'cleaning', '2026-12-01', '10:00', 120, 90000, 'MXN', 'Calle 72 # 10-34');

-- name: confirm_booking
-- calls: 2000
-- types: uuid, uuid
-- args: 'dfe55839-38c5-3d43-e129-224bd9cc88cd', 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
UPDATE bookings SET status = 'confirmed' WHERE id = $1 AND professional_id = $2;

-- name: cancel_booking
-- calls: 400
-- types: uuid, uuid
-- args: 'dfe55839-38c5-3d43-e129-224bd9cc88cd', '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
UPDATE bookings SET status = 'cancelled', cancelled_at = now() WHERE id = $1 AND customer_id = $2;

-- name: start_payment
-- calls: 2500
-- types: uuid, uuid
-- args: 'dfe55839-38c5-3d43-e129-224bd9cc88cd', '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
INSERT INTO payment_intents (booking_id, customer_id, amount_cents, currency, provider_intent_id, metadata)
VALUES ($1, $2, 90000, 'MXN', 'pi_' || gen_random_uuid(), '{"channel": "app", "attempt": 1}');

-- name: write_review
-- calls: 1500
-- types: uuid, uuid, uuid
-- args: 'dfe55839-38c5-3d43-e129-224bd9cc88cd', '0186d86f-d865-e372-056b-57eab3d5ae64', 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
INSERT INTO reviews (booking_id, customer_id, professional_id, rating, comment)
VALUES ($1, $2, $3, 5, 'Arrived on time, worked carefully and left everything in order.');

-- name: send_message
-- calls: 10000
-- types: uuid, uuid
-- args: '4503e8ca-73d9-f731-0a1e-0ed9d9c9b646', '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
INSERT INTO messages (conversation_id, sender_id, body) VALUES ($1, $2, 'I am on my way.');

-- name: mark_messages_read
-- calls: 6000
-- types: uuid, uuid
-- args: '4503e8ca-73d9-f731-0a1e-0ed9d9c9b646', '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
UPDATE messages SET read_at = now() WHERE conversation_id = $1 AND read_at IS NULL AND sender_id <> $2;

-- name: touch_conversation
-- calls: 10000
-- types: uuid
-- args: '4503e8ca-73d9-f731-0a1e-0ed9d9c9b646'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
UPDATE conversations SET last_message_at = now() WHERE id = $1;

-- name: mark_conversation_read
-- calls: 6000
-- types: uuid, uuid
-- args: '4503e8ca-73d9-f731-0a1e-0ed9d9c9b646', '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
UPDATE conversation_members SET last_read_at = now() WHERE conversation_id = $1 AND user_id = $2;

-- name: mark_notifications_read
-- calls: 3000
-- types: uuid
-- args: '1c0fef1b-eaff-56ef-556c-6b013153b686'
-- role: authenticated
-- claims: {"sub": "1c0fef1b-eaff-56ef-556c-6b013153b686", "role": "authenticated"}
UPDATE notifications SET read_at = now() WHERE user_id = $1 AND read_at IS NULL;

-- name: notify
-- calls: 12000
-- types: uuid, uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64', '4503e8ca-73d9-f731-0a1e-0ed9d9c9b646'
-- role: service_role
-- claims: {"role": "service_role"}
INSERT INTO notifications (user_id, kind, title, payload)
VALUES ($1, 'new_message', 'New Message', jsonb_build_object('conversation', $2));

-- name: add_favorite
-- calls: 900
-- types: uuid, uuid
-- args: '1c0fef1b-eaff-56ef-556c-6b013153b686', 'd3e3eea6-e787-3293-61ea-44167fdcaca4'
-- role: authenticated
-- claims: {"sub": "1c0fef1b-eaff-56ef-556c-6b013153b686", "role": "authenticated"}
INSERT INTO favorites (customer_id, professional_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: remove_favorite
-- calls: 500
-- types: uuid, uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64', 'bf40ea89-f4ef-fc71-9811-1219b0e326cc'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
DELETE FROM favorites WHERE customer_id = $1 AND professional_id = $2;

-- name: update_listing
-- calls: 300
-- types: uuid, numeric
-- args: 'bf40ea89-f4ef-fc71-9811-1219b0e326cc', 35
-- role: authenticated
-- claims: {"sub": "bf40ea89-f4ef-fc71-9811-1219b0e326cc", "role": "authenticated"}
UPDATE professional_profiles SET hourly_rate = $2, headline = 'Deep cleaning, twice as careful' WHERE profile_id = $1;

-- name: update_profile
-- calls: 600
-- types: uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
UPDATE profiles SET phone = '+57 300 1234567' WHERE id = $1;

-- name: audit
-- calls: 8000
-- types: uuid, uuid
-- args: '0186d86f-d865-e372-056b-57eab3d5ae64', 'dfe55839-38c5-3d43-e129-224bd9cc88cd'
-- role: authenticated
-- claims: {"sub": "0186d86f-d865-e372-056b-57eab3d5ae64", "role": "authenticated"}
INSERT INTO audit_events (actor_id, action, entity, entity_id, detail)
VALUES ($1, 'update', 'bookings', $2, jsonb_build_object('ip', '10.1.2.3', 'agent', 'casaora/7'));
