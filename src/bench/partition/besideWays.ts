import type { Client } from 'pg'

/** How many months of orders there are, and as many as are needed ahead. */
const months = 40

/** The months from three years ago on, as text for names and bounds. */
const monthsOf = `SELECT pg_catalog.to_char(day, 'YYYY_MM') AS name, day AS low, day + interval '1 month' AS high
  FROM pg_catalog.generate_series(pg_catalog.date_trunc('month', pg_catalog.now() - interval '3 years 1 month'),
    pg_catalog.now() + interval '3 months', interval '1 month') day LIMIT ${months + 5}`

/** Keys of other tables cannot stay: they would point to the old table, and cascade when its rows go. */
const dropKeys = `ALTER TABLE shop.payments DROP CONSTRAINT payments_order_id_fkey;
  ALTER TABLE shop.notes DROP CONSTRAINT notes_order_id_fkey`

/** In the order in which clients take them, or it ends in a deadlock. */
const tables = 'shop.payments, shop.notes, shop.orders'

/** As it is written by hand, and as the plan had it where that ran: everything in one transaction, behind one lock. */
export async function partitionByHand(client: Client): Promise<void> {
  await client.query(`BEGIN;
    LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE;
    CREATE TABLE shop.orders_new (LIKE shop.orders INCLUDING DEFAULTS) PARTITION BY RANGE (ordered_at);
    DO $$ DECLARE month record; BEGIN
      FOR month IN ${monthsOf} LOOP
        EXECUTE format('CREATE TABLE shop.orders_%s PARTITION OF shop.orders_new FOR VALUES FROM (%L) TO (%L)', month.name, month.low, month.high);
      END LOOP;
    END $$;
    INSERT INTO shop.orders_new SELECT * FROM shop.orders;
    ALTER TABLE shop.orders_new ADD PRIMARY KEY (id, ordered_at);
    CREATE INDEX ON shop.orders_new (person_id, ordered_at DESC);
    ${dropKeys};
    ALTER TABLE shop.orders RENAME TO orders_old;
    ALTER TABLE shop.orders_new RENAME TO orders;
    COMMIT`)
}

/** The online procedure of pg_partman's how-to, with what it tells to do for each table by hand left to the tool. */
export async function partitionWithPartman(client: Client): Promise<void> {
  await client.query(`
    CREATE TABLE shop.orders_new (LIKE shop.orders INCLUDING DEFAULTS) PARTITION BY RANGE (ordered_at);
    CREATE INDEX ON shop.orders_new (person_id, ordered_at DESC);
    CREATE INDEX ON shop.orders_new (ordered_at);
    CREATE TABLE shop.orders_template (LIKE shop.orders);
    ALTER TABLE shop.orders_template ADD PRIMARY KEY (id);
    SELECT partman.create_parent('shop.orders_new', 'ordered_at', 'native', 'monthly',
      p_template_table := 'shop.orders_template', p_premake := 1, p_start_partition := (now() + interval '2 months')::text);
    DROP TABLE shop.orders_new_default;
    UPDATE partman.part_config SET parent_table = 'shop.orders', premake = 4 WHERE parent_table = 'shop.orders_new'`)
  await client.query(`BEGIN;
    LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE shop.orders_new IN ACCESS EXCLUSIVE MODE;
    ${dropKeys};
    ALTER TABLE shop.orders RENAME TO orders_default;
    ALTER TABLE shop.orders_new RENAME TO orders;
    DO $$ DECLARE child record; BEGIN
      FOR child IN SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'shop.orders'::regclass LOOP
        EXECUTE format('ALTER TABLE shop.%I RENAME TO %I', child.relname, replace(child.relname, 'orders_new', 'orders'));
      END LOOP;
    END $$;
    ALTER TABLE shop.orders ATTACH PARTITION shop.orders_default DEFAULT;
    COMMIT`)
  await moveOut(client)
  await client.query(`SELECT partman.run_maintenance('shop.orders')`)
}

/**
 * Where clients change rows that it moves it ends in a deadlock now and then, and goes on from there. The current month,
 * into which they insert, comes in again between the move and ATTACH: after some attempts it stays where it is.
 */
async function moveOut(client: Client): Promise<void> {
  for (let refused = 0, deadlocks = 0; refused < 5 && deadlocks < 100;) {
    try {
      await client.query(`CALL partman.partition_data_proc('shop.orders', p_batch := 200)`)
      return
    } catch (error) {
      // It raises every error again, as one of its own.
      const message = error instanceof Error ? error.message : ''
      if (message.startsWith('deadlock detected')) deadlocks += 1
      else if (message.includes('would be violated by some row')) refused += 1
      else throw error
    }
  }
}

/** What hangs on the table, one name for each thing; what is there before and not after is lost. */
export async function thingsOfOrders(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ thing: string }>(`
    WITH orders AS (SELECT 'shop.orders'::regclass AS oid)
    SELECT 'policy ' || polname AS thing FROM pg_policy, orders WHERE polrelid = orders.oid
    UNION ALL SELECT 'row-level security' FROM pg_class JOIN orders USING (oid) WHERE relrowsecurity
    UNION ALL SELECT 'grants of ' || grantee::regrole FROM pg_class JOIN orders USING (oid), aclexplode(relacl) WHERE grantee <> relowner GROUP BY grantee
    UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger, orders WHERE tgrelid = orders.oid AND NOT tgisinternal
    UNION ALL SELECT 'foreign key of ' || conrelid::regclass FROM pg_constraint, orders
      WHERE contype = 'f' AND confrelid = orders.oid AND conparentid = 0
    UNION ALL SELECT 'foreign key to ' || confrelid::regclass FROM pg_constraint, orders WHERE contype = 'f' AND conrelid = orders.oid AND conparentid = 0
    UNION ALL SELECT 'comment' FROM pg_description, orders WHERE objoid = orders.oid AND objsubid = 0
    UNION ALL SELECT 'publication' FROM pg_publication_rel, orders WHERE prrelid = orders.oid
    UNION ALL SELECT DISTINCT 'view ' || ev_class::regclass FROM pg_depend JOIN pg_rewrite ON pg_rewrite.oid = objid, orders
      WHERE classid = 'pg_rewrite'::regclass AND refobjid = orders.oid
    ORDER BY 1`)
  return rows.map(({ thing }) => thing)
}

/** Partitions that somebody but the owner may read past the policies of the table. */
export async function openPartitions(client: Client): Promise<number> {
  const { rows } = await client.query(`
    SELECT FROM pg_inherits JOIN pg_class class ON class.oid = inhrelid
    WHERE inhparent = 'shop.orders'::regclass AND NOT relrowsecurity
      AND EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee <> relowner)`)
  return rows.length
}

/** Rows that are in no partition of their own. */
export async function rowsInDefault(client: Client): Promise<number> {
  const { rows } = await client.query<{ name: string | null }>(
    `SELECT nullif(partdefid, 0)::regclass::text AS name FROM pg_partitioned_table WHERE partrelid = 'shop.orders'::regclass`,
  )
  const name = rows[0]?.name
  if (!name) return 0
  const counted = await client.query<{ count: string }>(`SELECT count(*) FROM ONLY ${name}`)
  return Number(counted.rows[0]?.count)
}
