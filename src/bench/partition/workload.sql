-- name: partition_dashboard
SELECT status, count(*), sum(price)
FROM bookings
WHERE booking_date >= '2025-05-01' AND booking_date < '2025-06-01'
GROUP BY status;

-- name: partition_lookup
-- types: uuid
-- args: md5('1')::uuid
-- args: md5('400000')::uuid
-- args: md5('900000')::uuid
-- args: md5('1400000')::uuid
-- args: md5('1900000')::uuid
SELECT * FROM bookings WHERE id = $1;

-- name: partition_latest
-- types: int
-- args: 77
-- args: 777
-- args: 7777
-- args: 12345
-- args: 19999
SELECT * FROM bookings WHERE customer_id = $1 ORDER BY created_at DESC LIMIT 20;
