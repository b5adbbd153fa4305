/** SQL: the partitions that were detached in this transaction, without the history. */
export const detached = `SELECT pg_catalog.unnest(pg_catalog.string_to_array(
    nullif(pg_catalog.current_setting('hundredfold.partitions'), ''), ',')::oid[])::pg_catalog.regclass`
