-- Two years of business leave their marks: rows change status, are read, edited and deleted. Each step is one
-- transaction, so no page is pruned in between and the dead rows take real space.

-- step: bookings change status
create function pg_temp.chance_of(id uuid, salt integer) returns double precision
language sql immutable parallel safe as $$
  select (uuid_hash_extended(id, salt) & 4294967295)::double precision / 4294967296
$$;

update public.bookings
set status = 'confirmed', updated_at = created_at + interval '2 hours'
where pg_temp.chance_of(id, 200) < case when booking_date >= pg_temp.today() then 0.75 else 0.2 end;
update public.bookings
set status = case
    when pg_temp.chance_of(id, 201) < 0.12 then 'cancelled'
    when pg_temp.chance_of(id, 201) < 0.18 then 'declined'
    when pg_temp.chance_of(id, 201) < 0.21 then 'no_show'
    else 'completed'
  end,
  cancelled_at = case when pg_temp.chance_of(id, 201) < 0.12 then booking_date::timestamptz end,
  updated_at = booking_date::timestamptz + interval '18 hours'
where booking_date < pg_temp.today();

-- step: payments settle
update public.payment_intents
set status = case
    when pg_temp.chance_of(id, 202) < 0.08 then 'canceled'
    when pg_temp.chance_of(id, 202) < 0.12 then 'refunded'
    else 'succeeded'
  end,
  updated_at = created_at + interval '5 minutes'
where pg_temp.chance_of(id, 203) < 0.97;

-- step: notifications are read and deleted
update public.notifications set read_at = created_at + interval '3 hours' where id % 10 not in (3, 7);
delete from public.notifications where id % 8 in (1, 4, 6) and id % 10 not in (3, 7);

-- step: messages are edited and deleted
update public.messages set edited_at = created_at + interval '1 minute', body = body || ' (edited)' where id % 25 = 0;
