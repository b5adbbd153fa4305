-- The same rows, every month a partition of its own.
CREATE TABLE public.bookings_by_month (LIKE public.bookings INCLUDING DEFAULTS) PARTITION BY RANGE (booking_date);

DO $$
BEGIN
  FOR month IN 0 .. 44 LOOP
    EXECUTE format(
      'CREATE TABLE public.%I PARTITION OF public.bookings_by_month FOR VALUES FROM (%L) TO (%L)',
      'bookings_' || to_char(date '2023-01-01' + make_interval(months => month), 'YYYY_MM'),
      (date '2023-01-01' + make_interval(months => month))::date,
      (date '2023-01-01' + make_interval(months => month + 1))::date);
  END LOOP;
END $$;

INSERT INTO public.bookings_by_month SELECT * FROM public.bookings;

ALTER TABLE public.bookings_by_month ADD PRIMARY KEY (id, booking_date);
CREATE INDEX ON public.bookings_by_month (customer_id, created_at DESC);
CREATE INDEX ON public.bookings_by_month (booking_date);
