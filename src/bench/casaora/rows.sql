-- Casaora's rows. The same on every machine: every "random" value is a hash of the row's number.
-- A marketplace is skewed, so a few professionals, customers and cities have most of the bookings.

-- step: temporary functions
-- A number in [0, 1) that depends on n and salt alone.
create function pg_temp.chance(n bigint, salt integer) returns double precision
language sql immutable parallel safe as $$
  select (hashint8extended(n, salt) & 4294967295)::double precision / 4294967296
$$;

-- A number from 1 to total; the higher the skew, the more often a low one.
create function pg_temp.pick(n bigint, salt integer, total integer, skew double precision) returns integer
language sql immutable parallel safe as $$
  select 1 + floor(total * power(pg_temp.chance(n, salt), skew))::integer
$$;

create function pg_temp.id(kind text, n bigint) returns uuid
language sql immutable parallel safe as $$
  select md5(kind || ':' || n)::uuid
$$;

create function pg_temp.total(of text) returns integer
language sql immutable parallel safe as $$
  select current_setting('casaora.' || of)::integer
$$;

create function pg_temp.today() returns date
language sql immutable parallel safe as $$
  select current_setting('casaora.today')::date
$$;

create function pg_temp.city_of_professional(n bigint) returns integer
language sql immutable parallel safe as $$
  select pg_temp.pick(n, 1, 60, 2)
$$;

create function pg_temp.currency_of_city(city integer) returns text
language sql immutable parallel safe as $$
  select case when city <= 20 then 'COP' when city <= 35 then 'MXN' when city <= 45 then 'PEN' else 'USD' end
$$;

-- The busiest customer is a regular of the busiest professional: their bookings have the same numbers in every size.
create function pg_temp.is_regular(n bigint) returns boolean
language sql immutable parallel safe as $$
  select n % 250 = 2 and n < 100000
$$;

create function pg_temp.professional_of_booking(n bigint) returns integer
language sql immutable parallel safe as $$
  select case when pg_temp.is_regular(n) then 1 else pg_temp.pick(n, 2, pg_temp.total('professionals'), 2) end
$$;

create function pg_temp.customer_of_booking(n bigint) returns integer
language sql immutable parallel safe as $$
  select case when pg_temp.is_regular(n) then 1 else pg_temp.pick(n, 3, pg_temp.total('customers'), 2) end
$$;

-- The business grows: each year brings more rows than the last.
create function pg_temp.moment(n bigint, total bigint) returns timestamptz
language sql stable parallel safe as $$
  select (pg_temp.today() - 1)::timestamptz - interval '700 days' * (1 - sqrt(n::double precision / total))
$$;

create function pg_temp.service(n bigint, salt integer) returns text
language sql immutable parallel safe as $$
  select (array['cleaning', 'deep_cleaning', 'childcare', 'cooking', 'laundry', 'plumbing', 'electrical',
    'gardening', 'painting', 'elder_care', 'pet_care', 'assembly'])[pg_temp.pick(n, salt, 12, 1.6)]
$$;

-- step: cities
insert into public.cities (id, name, slug, country_code, currency, is_active)
select n, 'City ' || n, 'city-' || n,
  case when n <= 20 then 'CO' when n <= 35 then 'MX' when n <= 45 then 'PE' else 'EC' end,
  pg_temp.currency_of_city(n), n % 17 <> 0
from generate_series(1, 60) n;

-- step: users
create temporary table people as
  select 'professional' as role, n, pg_temp.id('professional', n) as id
  from generate_series(1, pg_temp.total('professionals')) n
  union all
  select 'customer', n, pg_temp.id('customer', n) from generate_series(1, pg_temp.total('customers')) n
  union all
  select 'admin', n, pg_temp.id('admin', n) from generate_series(1, pg_temp.total('admins')) n;

insert into auth.users (id, email, email_confirmed_at, last_sign_in_at, created_at, updated_at)
select id, role || n || '@casaora.example', today, today, today, today
from people, (select pg_temp.today()::timestamptz as today) t;

insert into public.profiles (id, role, full_name, email, phone, city_id, avatar_url, created_at, updated_at)
select id, role,
  (array['Ana', 'Luis', 'Sofía', 'Juan', 'María', 'Carlos', 'Lucía', 'Andrés', 'Valentina', 'Diego', 'Camila',
    'Jorge', 'Paula', 'Mateo', 'Laura', 'Felipe'])[pg_temp.pick(n, 10, 16, 1)] || ' ' ||
  (array['García', 'Rodríguez', 'Martínez', 'López', 'González', 'Pérez', 'Sánchez', 'Ramírez', 'Torres',
    'Flores', 'Rivera', 'Gómez', 'Díaz', 'Cruz', 'Morales', 'Ortiz'])[pg_temp.pick(n, 11, 16, 1)] || ' ' || n,
  role || n || '@casaora.example',
  '+57 300 ' || lpad((hashint8extended(n, 12) & 9999999)::text, 7, '0'),
  case role when 'professional' then pg_temp.city_of_professional(n) else pg_temp.pick(n, 13, 60, 2) end,
  'https://cdn.casaora.example/avatars/' || id || '.webp',
  pg_temp.moment(n, pg_temp.total(role || 's')), pg_temp.moment(n, pg_temp.total(role || 's'))
from people;
drop table people;

-- step: professional profiles
insert into public.professional_profiles (profile_id, city_id, headline, bio, services, hourly_rate, currency,
  verification_status, is_active, rating, review_count, created_at, updated_at)
select pg_temp.id('professional', n), city,
  initcap(replace(pg_temp.service(n, 20), '_', ' ')) || ' with ' || (1 + n % 15) || ' years of experience',
  repeat('Careful, punctual and insured, with references from families in the neighbourhood. ', 3 + n % 8),
  array(select distinct pg_temp.service(n, 20 + k) from generate_series(0, n % 4) k order by 1),
  round((8 + 40 * power(pg_temp.chance(n, 30), 2))::numeric, 2), pg_temp.currency_of_city(city),
  -- Who is not verified yet is hardly ever active: the two columns go together.
  case when verified < 0.70 then 'verified' when verified < 0.85 then 'pending'
    when verified < 0.95 then 'in_review' else 'rejected' end,
  case when verified < 0.70 then pg_temp.chance(n, 32) < 0.9 else pg_temp.chance(n, 32) < 0.05 end,
  round((3.2 + 1.8 * sqrt(pg_temp.chance(n, 33)))::numeric, 2),
  greatest(0, (pg_temp.total('reviews') / (2 * sqrt(n::double precision * pg_temp.total('professionals'))))::integer),
  pg_temp.moment(n, pg_temp.total('professionals')), pg_temp.moment(n, pg_temp.total('professionals'))
from (
  select n, pg_temp.city_of_professional(n) as city, pg_temp.chance(n, 31) as verified
  from generate_series(1, pg_temp.total('professionals')) n
) p;

insert into public.availability (professional_id, weekday, starts_at, ends_at, is_available)
select pg_temp.id('professional', n), weekday, time '07:00' + (n % 4) * interval '1 hour',
  time '15:00' + (n % 5) * interval '1 hour', pg_temp.chance(n * 7 + weekday, 40) < 0.93
from generate_series(1, pg_temp.total('professionals')) n, generate_series(1, 5) weekday;

-- step: bookings
insert into public.bookings (id, customer_id, professional_id, city_id, service, booking_date, start_time,
  duration_minutes, price_cents, currency, address, notes, created_at, updated_at)
select pg_temp.id('booking', n), pg_temp.id('customer', pg_temp.customer_of_booking(n)),
  pg_temp.id('professional', professional), city, pg_temp.service(n, 50),
  (created_at + interval '1 day' + interval '45 days' * power(pg_temp.chance(n, 51), 2))::date,
  time '07:00' + (hashint8extended(n, 52) & 15) * interval '30 minutes',
  60 * pg_temp.pick(n, 53, 6, 1.3), 100 * pg_temp.pick(n, 54, 4000, 1.5), pg_temp.currency_of_city(city),
  'Calle ' || pg_temp.pick(n, 55, 180, 1) || ' # ' || pg_temp.pick(n, 56, 99, 1) || '-' || pg_temp.pick(n, 57, 99, 1),
  case when n % 3 = 0 then 'Please bring supplies; the doorman has the key for apartment ' || n % 900 end,
  created_at, created_at
from (
  select n, professional, pg_temp.city_of_professional(professional) as city,
    pg_temp.moment(n, pg_temp.total('bookings')) as created_at
  from (
    select n, pg_temp.professional_of_booking(n) as professional
    from generate_series(1, pg_temp.total('bookings')) n
    offset 0
  ) b
  offset 0
) b;

-- step: reviews
-- Customers review three bookings in five, soon after the visit.
insert into public.reviews (id, booking_id, customer_id, professional_id, rating, comment, is_published, created_at)
select pg_temp.id('review', n), pg_temp.id('booking', booking),
  pg_temp.id('customer', pg_temp.customer_of_booking(booking)),
  pg_temp.id('professional', pg_temp.professional_of_booking(booking)),
  6 - pg_temp.pick(n, 60, 5, 2.2),
  'Arrived on time, worked carefully and left everything in order. ' || repeat('We will book again. ', n % 5),
  pg_temp.chance(n, 61) < 0.95, pg_temp.moment(n, pg_temp.total('reviews'))
from (
  select n, n::bigint * pg_temp.total('bookings') / pg_temp.total('reviews') as booking
  from generate_series(1, pg_temp.total('reviews')) n
) r;

-- step: payment intents
insert into public.payment_intents (id, booking_id, customer_id, amount_cents, currency, provider_intent_id,
  metadata, created_at, updated_at)
select pg_temp.id('payment', n), pg_temp.id('booking', n), pg_temp.id('customer', pg_temp.customer_of_booking(n)),
  100 * pg_temp.pick(n, 54, 4000, 1.5),
  pg_temp.currency_of_city(pg_temp.city_of_professional(pg_temp.professional_of_booking(n))),
  'pi_' || md5('intent:' || n), jsonb_build_object('channel', case when n % 3 = 0 then 'web' else 'app' end, 'attempt', 1 + n % 2),
  pg_temp.moment(n, pg_temp.total('bookings')), pg_temp.moment(n, pg_temp.total('bookings'))
from generate_series(1, pg_temp.total('bookings')) n
where n % 10 <> 0;

-- step: favorites
insert into public.favorites (customer_id, professional_id, created_at)
select customer_id, professional_id, min(created_at)
from (
  select pg_temp.id('customer', pg_temp.pick(n, 70, pg_temp.total('customers'), 2)) as customer_id,
    pg_temp.id('professional', pg_temp.pick(n, 71, pg_temp.total('professionals'), 2)) as professional_id,
    pg_temp.moment(n, pg_temp.total('favorites')) as created_at
  from generate_series(1, pg_temp.total('favorites')) n
) f
group by customer_id, professional_id
order by min(created_at), customer_id, professional_id;

-- step: conversations
-- Two bookings in five start a conversation between the customer and the professional.
insert into public.conversations (id, booking_id, created_by, subject, last_message_at, created_at)
select pg_temp.id('conversation', n), pg_temp.id('booking', booking),
  pg_temp.id('customer', pg_temp.customer_of_booking(booking)), 'About ' || pg_temp.service(booking, 50),
  pg_temp.moment(n, pg_temp.total('conversations')) + interval '1 day', pg_temp.moment(n, pg_temp.total('conversations'))
from (
  select n, n::bigint * pg_temp.total('bookings') / pg_temp.total('conversations') as booking
  from generate_series(1, pg_temp.total('conversations')) n
) c;

insert into public.conversation_members (conversation_id, user_id, last_read_at, joined_at)
select pg_temp.id('conversation', n), member,
  case when pg_temp.chance(n, 80) < 0.8 then joined_at + interval '1 day' end, joined_at
from (
  select n, pg_temp.moment(n, pg_temp.total('conversations')) as joined_at,
    unnest(array[pg_temp.id('customer', pg_temp.customer_of_booking(booking)),
      pg_temp.id('professional', pg_temp.professional_of_booking(booking))]) as member
  from (
    select n, n::bigint * pg_temp.total('bookings') / pg_temp.total('conversations') as booking
    from generate_series(1, pg_temp.total('conversations')) n
  ) c
) m;

-- step: messages
insert into public.messages (conversation_id, sender_id, body, attachments, read_at, created_at)
select pg_temp.id('conversation', conversation),
  case when pg_temp.chance(n, 91) < 0.5 then pg_temp.id('customer', pg_temp.customer_of_booking(booking))
    else pg_temp.id('professional', pg_temp.professional_of_booking(booking)) end,
  (array['Hello, is the appointment still on?', 'Yes, see you then.', 'Could you come one hour later?',
    'I am on my way.', 'The doorbell does not work, please call me when you arrive.', 'Thank you very much!',
    'What is included in the price?', 'I will bring everything that is needed.'])[pg_temp.pick(n, 92, 8, 1)]
    || ' (' || n || ')',
  case when n % 40 = 0 then jsonb_build_array(jsonb_build_object('type', 'image', 'path', 'chat/' || n || '.webp'))
    else '[]' end,
  case when pg_temp.chance(n, 93) < 0.9 then created_at + interval '20 minutes' end, created_at
from (
  select n, conversation, conversation::bigint * pg_temp.total('bookings') / pg_temp.total('conversations') as booking,
    pg_temp.moment(n, pg_temp.total('messages')) as created_at
  from (
    -- Conversations overlap: most messages belong to one of the latest.
    select n, ceil(pg_temp.total('conversations') * n::double precision / pg_temp.total('messages')
      * (1 - 0.2 * power(pg_temp.chance(n, 90), 3)))::integer as conversation
    from generate_series(1, pg_temp.total('messages')) n
    offset 0
  ) m
  offset 0
) m;

-- step: notifications
insert into public.notifications (user_id, kind, title, payload, read_at, created_at)
select case when n % 3 = 0 then pg_temp.id('professional', pg_temp.pick(n, 101, pg_temp.total('professionals'), 2))
    else pg_temp.id('customer', pg_temp.pick(n, 101, pg_temp.total('customers'), 2)) end,
  kind, initcap(replace(kind, '_', ' ')), jsonb_build_object('booking', pg_temp.id('booking', 1 + n % pg_temp.total('bookings'))),
  null, pg_temp.moment(n, pg_temp.total('notifications'))
from (
  select n, (array['booking_confirmed', 'new_message', 'payment_received', 'review_received', 'reminder',
    'promotion'])[pg_temp.pick(n, 100, 6, 1.4)] as kind
  from generate_series(1, pg_temp.total('notifications')) n
) k;

-- step: audit events
insert into public.audit_events (actor_id, action, entity, entity_id, detail, created_at)
select pg_temp.id('customer', pg_temp.pick(n, 110, pg_temp.total('customers'), 2)),
  (array['insert', 'update', 'delete'])[pg_temp.pick(n, 111, 3, 1.8)],
  (array['bookings', 'payment_intents', 'professional_profiles', 'reviews'])[pg_temp.pick(n, 112, 4, 1.8)],
  pg_temp.id('booking', 1 + n % pg_temp.total('bookings')),
  jsonb_build_object('ip', '10.' || n % 250 || '.' || n % 199 || '.' || n % 97, 'agent', 'casaora/' || n % 12),
  pg_temp.moment(n, pg_temp.total('audit_events'))
from generate_series(1, pg_temp.total('audit_events')) n;
