-- Two million bookings of 45 months, made some days to two months ahead of their date, in the order in which they came.
CREATE TABLE public.bookings (
  id uuid NOT NULL,
  customer_id integer NOT NULL,
  host_id integer NOT NULL,
  booking_date date NOT NULL,
  created_at timestamptz NOT NULL,
  status text NOT NULL,
  price numeric(10, 2) NOT NULL,
  note text
);

INSERT INTO public.bookings
SELECT
  md5(n::text)::uuid,
  1 + (hashint4(n) & 2147483647) % 20000,
  1 + (hashint4(n + 1) & 2147483647) % 2000,
  greatest(
    date '2023-01-01',
    least(date '2026-09-30', (made + make_interval(days => (hashint4(n + 2) & 2147483647) % 45))::date)),
  made,
  (ARRAY['completed', 'completed', 'completed', 'completed', 'confirmed', 'pending', 'cancelled', 'declined'])
    [1 + (hashint4(n + 3) & 2147483647) % 8],
  20 + (hashint4(n + 4) & 2147483647) % 30000 / 100.0,
  repeat('x', (hashint4(n + 5) & 2147483647) % 80)
FROM (
  SELECT n, timestamptz '2022-12-10 00:00Z' + n * interval '1 second' * (1368 * 86400.0 / 2000000) AS made
  FROM generate_series(1, 2000000) AS n
) AS numbered;

ALTER TABLE public.bookings ADD CONSTRAINT bookings_pkey PRIMARY KEY (id);
CREATE INDEX bookings_customer_id_created_at_idx ON public.bookings (customer_id, created_at DESC);
CREATE INDEX bookings_booking_date_idx ON public.bookings (booking_date);
