import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlMigration } from './migrationFiles.ts'

/** A schema with names that tools may trip over. */
export const shopSchema = `
  CREATE SCHEMA "the shop; 1";
  CREATE TABLE "the shop; 1"."Bestellungen; 'äöü'" (
    id bigint PRIMARY KEY, "käufer?" text NOT NULL, "a$1 b" jsonb NOT NULL DEFAULT '{}', price numeric
  );
  CREATE TABLE public.orders (
    id bigint PRIMARY KEY, customer bigint NOT NULL, note text, paid boolean NOT NULL DEFAULT false
  );
  CREATE TABLE public.lines (id bigint PRIMARY KEY, order_id bigint NOT NULL);
  ALTER TABLE public.lines ADD CONSTRAINT lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders;
  CREATE INDEX orders_paid_idx ON public.orders (paid);
  ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
  CREATE POLICY "own; 'rows'" ON public.orders USING (customer = 1);
`

/** Migrations in one transaction and outside, of one statement and several, with everything that is hard to split. */
export const shopMigrations: Record<string, string> = {
  '20261130120000000_create-functions': sqlMigration({
    up: [
      `CREATE FUNCTION public.next_order() RETURNS bigint LANGUAGE plpgsql AS $body$
DECLARE "it's; here" bigint := 1; -- a comment; with 'quotes
BEGIN
  IF '{"a": 1}'::jsonb ? 'a' THEN RETURN "it's; here"; END IF;
  RETURN length($$;--$$) + length('--> \${x} \`tick\`') + length(E'\\\\n');
END;
$body$`,
      `CREATE FUNCTION public.two() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END`,
      `COMMENT ON TABLE public.orders IS 'a ? b; c
-- d \\ e "f" :name %s \${g}'`,
      `ALTER POLICY "own; 'rows'" ON public.orders USING ((customer = (SELECT public.two())))`,
    ],
    down: [
      `ALTER POLICY "own; 'rows'" ON public.orders USING ((customer = 1))`,
      `COMMENT ON TABLE public.orders IS NULL`,
      `DROP FUNCTION public.two()`,
      `DROP FUNCTION public.next_order()`,
    ],
  }),
  '20261130120001000_create-index': sqlMigration({
    noTransaction: true,
    up: [
      `CREATE INDEX CONCURRENTLY "b; ""idx"" 'ä' ?" ON "the shop; 1"."Bestellungen; 'äöü'" ("käufer?", ("a$1 b" ? 'x'))`,
    ],
    down: [`DROP INDEX CONCURRENTLY "the shop; 1"."b; ""idx"" 'ä' ?"`],
  }),
  '20261130120002000_narrow-index': sqlMigration({
    noTransaction: true,
    up: [
      `CREATE INDEX CONCURRENTLY orders_paid_true_idx ON public.orders (paid) WHERE paid`,
      `DROP INDEX CONCURRENTLY public.orders_paid_idx`,
    ],
    down: [
      `CREATE INDEX CONCURRENTLY orders_paid_idx ON public.orders (paid)`,
      `DROP INDEX CONCURRENTLY public.orders_paid_true_idx`,
    ],
  }),
  '20261130120003000_drop-foreign-key': sqlMigration({
    noTransaction: true,
    up: [`ALTER TABLE public.lines DROP CONSTRAINT lines_order_id_fkey`],
    down: [
      `ALTER TABLE public.lines ADD CONSTRAINT lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders NOT VALID`,
      `ALTER TABLE public.lines VALIDATE CONSTRAINT lines_order_id_fkey`,
    ],
  }),
  '20261130120004000_keep-order-of-transactions': sqlMigration({
    up: [`ALTER TABLE public.lines ADD COLUMN kept int`, `UPDATE public.lines SET kept = 1`],
    down: [`ALTER TABLE public.lines DROP COLUMN kept`],
  }),
}

/** Writes the migrations into a folder and returns it. */
export async function writeShopMigrations(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true })
  for (const [name, text] of Object.entries(shopMigrations))
    await writeFile(join(directory, `${name}.ts`), text)
  return directory
}
