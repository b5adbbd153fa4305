-- The same rows under the same name, every month a partition of its own, made with its indexes one month after the other, as
-- upkeep makes them ahead.
ALTER TABLE public.bookings RENAME TO bookings_before;

CREATE TABLE public.bookings (LIKE public.bookings_before INCLUDING DEFAULTS) PARTITION BY RANGE (booking_date);

CREATE INDEX ON public.bookings (customer_id, created_at DESC);
CREATE INDEX ON public.bookings (booking_date);
ALTER TABLE public.bookings ADD PRIMARY KEY (id, booking_date);

DO $$
BEGIN
  FOR month IN 0 .. 44 LOOP
    EXECUTE format(
      'CREATE TABLE public.%I PARTITION OF public.bookings FOR VALUES FROM (%L) TO (%L)',
      'bookings_' || to_char(date '2023-01-01' + make_interval(months => month), 'YYYY_MM'),
      (date '2023-01-01' + make_interval(months => month))::date,
      (date '2023-01-01' + make_interval(months => month + 1))::date);
  END LOOP;
END $$;

CREATE TABLE public.bookings_default PARTITION OF public.bookings DEFAULT;

INSERT INTO public.bookings SELECT * FROM public.bookings_before;

DROP TABLE public.bookings_before;
