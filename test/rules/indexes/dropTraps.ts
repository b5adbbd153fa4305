/** Indexes that look alike or look idle, with what a migration may do to each. */
export interface DropTrap {
  what: string
  sql: string
  /** Names of indexes that a migration may drop, all of them in one run. */
  goes: string[]
  stays: string[]
  why: string
  /** The oldest PostgreSQL that has it. */
  from?: number
  /** The tables are read and written often enough to tell whether an index is used. */
  isBusy?: true
}

/** Each on tables of its own, which are idle but for those that are busy. */
export const dropTraps: DropTrap[] = [
  {
    what: 'two equal indexes',
    sql: 'CREATE TABLE twins (a int); CREATE INDEX twins_1 ON twins (a); CREATE INDEX twins_2 ON twins (a)',
    goes: ['twins_2'],
    stays: ['twins_1'],
    why: 'one does the work of both',
  },
  {
    what: 'three equal indexes',
    sql: `CREATE TABLE triplets (a int, b text); CREATE INDEX triplets_1 ON triplets (b, a);
      CREATE INDEX triplets_2 ON triplets (b, a); CREATE INDEX triplets_3 ON triplets (b, a)`,
    goes: ['triplets_2', 'triplets_3'],
    stays: ['triplets_1'],
    why: 'exactly one stays',
  },
  {
    what: 'equal B-trees with other storage parameters',
    sql: `CREATE TABLE packed (a int); CREATE INDEX packed_1 ON packed (a) WITH (fillfactor = 70);
      CREATE INDEX packed_2 ON packed (a) WITH (deduplicate_items = off)`,
    goes: ['packed_2'],
    stays: ['packed_1'],
    why: 'they say how a B-tree is kept, not what it finds',
  },
  {
    what: 'a copy of the primary key',
    sql: 'CREATE TABLE keyed (id int PRIMARY KEY); CREATE INDEX keyed_id ON keyed (id)',
    goes: ['keyed_id'],
    stays: ['keyed_pkey'],
    why: 'the constraint has an index already',
  },
  {
    what: 'another operator class',
    sql: `CREATE TABLE classes (b text); CREATE INDEX classes_1 ON classes (b);
      CREATE INDEX classes_2 ON classes (b text_pattern_ops)`,
    goes: [],
    stays: ['classes_1', 'classes_2'],
    why: 'only text_pattern_ops serves LIKE in every collation, and only the other one sorts',
  },
  {
    what: 'another collation',
    sql: `CREATE TABLE collations (b text); CREATE INDEX collations_1 ON collations (b);
      CREATE INDEX collations_2 ON collations (b COLLATE "C", b)`,
    goes: [],
    stays: ['collations_1', 'collations_2'],
    why: 'a comparison uses indexes of its own collation',
  },
  {
    what: 'one column forwards and backwards',
    sql: `CREATE TABLE backwards (a int); CREATE INDEX backwards_1 ON backwards (a);
      CREATE INDEX backwards_2 ON backwards (a DESC)`,
    goes: ['backwards_2'],
    stays: ['backwards_1'],
    why: 'an index is read in both directions',
  },
  {
    what: 'NULLs at the other end',
    sql: `CREATE TABLE nulls (a int); CREATE INDEX nulls_1 ON nulls (a); CREATE INDEX nulls_2 ON nulls (a NULLS FIRST)`,
    goes: [],
    stays: ['nulls_1', 'nulls_2'],
    why: 'neither direction of one gives the order of the other',
  },
  {
    what: 'every key inverted',
    sql: `CREATE TABLE inverted (a int, b int, c int); CREATE INDEX inverted_1 ON inverted (a, b DESC, c);
      CREATE INDEX inverted_2 ON inverted (a DESC, b)`,
    goes: ['inverted_2'],
    stays: ['inverted_1'],
    why: 'read backwards, the wider one has this order',
  },
  {
    what: 'one of two keys inverted',
    sql: `CREATE TABLE mixed (a int, b int, c int); CREATE INDEX mixed_1 ON mixed (a, b, c);
      CREATE INDEX mixed_2 ON mixed (a, b DESC)`,
    goes: [],
    stays: ['mixed_1', 'mixed_2'],
    why: 'no direction of the wider one has this order',
  },
  {
    what: 'hash and B-tree',
    sql: `CREATE TABLE methods (a int); CREATE INDEX methods_1 ON methods (a); CREATE INDEX methods_2 ON methods USING hash (a)`,
    goes: [],
    stays: ['methods_1', 'methods_2'],
    why: 'another access method',
  },
  {
    what: 'equal hash indexes',
    sql: `CREATE TABLE hashes (a int); CREATE INDEX hashes_1 ON hashes USING hash (a);
      CREATE INDEX hashes_2 ON hashes USING hash (a)`,
    goes: ['hashes_2'],
    stays: ['hashes_1'],
    why: 'the same as with B-trees',
  },
  {
    what: 'GIN with and without its pending list',
    sql: `CREATE TABLE pending (d int[]); CREATE INDEX pending_1 ON pending USING gin (d);
      CREATE INDEX pending_2 ON pending USING gin (d) WITH (fastupdate = off)`,
    goes: [],
    stays: ['pending_1', 'pending_2'],
    why: 'parameters of GIN change what a search costs',
  },
  {
    what: 'GIN of keys and of paths',
    sql: `CREATE TABLE documents (d jsonb); CREATE INDEX documents_1 ON documents USING gin (d);
      CREATE INDEX documents_2 ON documents USING gin (d jsonb_path_ops)`,
    goes: [],
    stays: ['documents_1', 'documents_2'],
    why: 'jsonb_path_ops does not find keys',
  },
  {
    what: 'BRIN of other ranges',
    sql: `CREATE TABLE ranges (a int); CREATE INDEX ranges_1 ON ranges USING brin (a);
      CREATE INDEX ranges_2 ON ranges USING brin (a) WITH (pages_per_range = 8)`,
    goes: [],
    stays: ['ranges_1', 'ranges_2'],
    why: 'the size of a range is what it finds',
  },
  {
    what: 'GIN of one column and of two',
    sql: `CREATE TABLE gins (a int[], b int[]); CREATE INDEX gins_a ON gins USING gin (a);
      CREATE INDEX gins_b ON gins USING gin (b); CREATE INDEX gins_a_b ON gins USING gin (a, b)`,
    goes: ['gins_a'],
    stays: ['gins_b', 'gins_a_b'],
    why: 'only the first key is a prefix',
  },
  {
    what: 'equal partial indexes',
    sql: `CREATE TABLE parts_alike (a int, b int); CREATE INDEX parts_alike_1 ON parts_alike (a) WHERE b > 0;
      CREATE INDEX parts_alike_2 ON parts_alike (a) WHERE (b > 0)`,
    goes: ['parts_alike_2'],
    stays: ['parts_alike_1'],
    why: 'the same rows',
  },
  {
    what: 'partial indexes on other rows',
    sql: `CREATE TABLE parts_other (a int, b int); CREATE INDEX parts_other_1 ON parts_other (a) WHERE b > 0;
      CREATE INDEX parts_other_2 ON parts_other (a) WHERE b > 1`,
    goes: [],
    stays: ['parts_other_1', 'parts_other_2'],
    why: 'another predicate',
  },
  {
    what: 'a partial index on few rows beside one on all',
    sql: `CREATE TABLE few (a int, b int); INSERT INTO few SELECT n, n % 20 FROM generate_series(1, 60) n;
      CREATE INDEX few_1 ON few (a) WHERE b = 0; CREATE INDEX few_2 ON few (a, b); ANALYZE few`,
    goes: [],
    stays: ['few_1', 'few_2'],
    why: 'the wide one is twenty times as long to read',
  },
  {
    what: 'a partial index on most rows beside one on all',
    sql: `CREATE TABLE most (a int, b int); INSERT INTO most SELECT n, n % 20 FROM generate_series(1, 60) n;
      CREATE INDEX most_1 ON most (a) WHERE b <> 0; CREATE INDEX most_2 ON most (a, b); ANALYZE most`,
    goes: ['most_1'],
    stays: ['most_2'],
    why: 'the predicate is absent in the wider one, and leaves out little',
  },
  {
    what: 'a partial index on the rows that have a value',
    sql: `CREATE TABLE valued (a int); CREATE INDEX valued_1 ON valued (a) WHERE a IS NOT NULL; CREATE INDEX valued_2 ON valued (a)`,
    goes: ['valued_1'],
    stays: ['valued_2'],
    why: 'a search for a value finds no NULL',
  },
  {
    what: 'a wider index on fewer rows',
    sql: `CREATE TABLE wider_fewer (a int, b int); CREATE INDEX wider_fewer_1 ON wider_fewer (a);
      CREATE INDEX wider_fewer_2 ON wider_fewer (a, b) WHERE b > 0`,
    goes: [],
    stays: ['wider_fewer_1', 'wider_fewer_2'],
    why: 'the wider one does not have every row',
  },
  {
    what: 'equal expressions',
    sql: `CREATE TABLE same_expression (b text); CREATE INDEX same_expression_1 ON same_expression (lower(b));
      CREATE INDEX same_expression_2 ON same_expression (lower(b), b)`,
    goes: ['same_expression_1'],
    stays: ['same_expression_2'],
    why: 'the wider one begins with the expression, and ANALYZE looks at it too',
  },
  {
    what: 'other expressions',
    sql: `CREATE TABLE other_expression (b text); CREATE INDEX other_expression_1 ON other_expression (lower(b));
      CREATE INDEX other_expression_2 ON other_expression (upper(b), b)`,
    goes: [],
    stays: ['other_expression_1', 'other_expression_2'],
    why: 'another key',
  },
  {
    what: 'more statistics of an expression',
    sql: `CREATE TABLE targets (b text); CREATE INDEX targets_1 ON targets (lower(b)); CREATE INDEX targets_2 ON targets (lower(b));
      ALTER INDEX targets_2 ALTER COLUMN 1 SET STATISTICS 1000;
      CREATE INDEX targets_3 ON targets (upper(b)); ALTER INDEX targets_3 ALTER COLUMN 1 SET STATISTICS 1000;
      CREATE INDEX targets_4 ON targets (upper(b), b)`,
    goes: ['targets_1'],
    stays: ['targets_2', 'targets_3', 'targets_4'],
    why: 'the planner estimates with them, whichever index it scans',
  },
  {
    what: 'equal unique indexes',
    sql: `CREATE TABLE uniques (a int); CREATE UNIQUE INDEX uniques_1 ON uniques (a); CREATE UNIQUE INDEX uniques_2 ON uniques (a)`,
    goes: [],
    stays: ['uniques_1', 'uniques_2'],
    why: 'what is unique is for a person to drop: code may name it in ON CONFLICT ON CONSTRAINT',
  },
  {
    what: 'a plain index beside a unique one',
    sql: `CREATE TABLE unique_and_plain (a int, b int); CREATE UNIQUE INDEX unique_and_plain_1 ON unique_and_plain (a);
      CREATE INDEX unique_and_plain_2 ON unique_and_plain (a)`,
    goes: ['unique_and_plain_2'],
    stays: ['unique_and_plain_1'],
    why: 'the unique one serves the same searches',
  },
  {
    what: 'a unique index that is a prefix',
    sql: `CREATE TABLE unique_prefix (a int, b int); CREATE UNIQUE INDEX unique_prefix_1 ON unique_prefix (a);
      CREATE INDEX unique_prefix_2 ON unique_prefix (a, b)`,
    goes: [],
    stays: ['unique_prefix_1', 'unique_prefix_2'],
    why: 'it keeps values unique, also for ON CONFLICT (a)',
  },
  {
    what: 'a partial unique index for ON CONFLICT',
    sql: `CREATE TABLE conflicts (a int, b int); CREATE UNIQUE INDEX conflicts_1 ON conflicts (a) WHERE b > 0;
      CREATE UNIQUE INDEX conflicts_2 ON conflicts (a)`,
    goes: [],
    stays: ['conflicts_1', 'conflicts_2'],
    why: 'ON CONFLICT (a) WHERE b > 0 may name it',
  },
  {
    what: 'NULLs that count as equal',
    sql: `CREATE TABLE one_null (a int); CREATE UNIQUE INDEX one_null_1 ON one_null (a);
      CREATE UNIQUE INDEX one_null_2 ON one_null (a) NULLS NOT DISTINCT`,
    goes: [],
    stays: ['one_null_1', 'one_null_2'],
    why: 'they keep different values out',
    from: 15,
  },
  {
    what: 'a replica identity with a twin',
    sql: `CREATE TABLE identities (a int NOT NULL); CREATE UNIQUE INDEX identities_1 ON identities (a);
      CREATE UNIQUE INDEX identities_2 ON identities (a); ALTER TABLE identities REPLICA IDENTITY USING INDEX identities_2;
      CREATE INDEX identities_3 ON identities (a)`,
    goes: ['identities_3'],
    stays: ['identities_1', 'identities_2'],
    why: 'logical replication finds rows by it',
  },
  {
    what: 'an exclusion constraint',
    sql: `CREATE TABLE excluded (during int4range, EXCLUDE USING gist (during WITH &&));
      CREATE INDEX excluded_1 ON excluded USING gist (during)`,
    goes: ['excluded_1'],
    stays: ['excluded_during_excl'],
    why: 'the constraint has an index that finds the same',
  },
  {
    what: 'a deferrable constraint',
    sql: `CREATE TABLE deferred (a int, CONSTRAINT deferred_a_key UNIQUE (a) DEFERRABLE INITIALLY DEFERRED);
      CREATE INDEX deferred_1 ON deferred (a); CREATE UNIQUE INDEX deferred_2 ON deferred (a)`,
    goes: ['deferred_1'],
    stays: ['deferred_a_key', 'deferred_2'],
    why: 'the unique index also keeps values unique before the end of a transaction',
  },
  {
    what: 'a clustered table',
    sql: `CREATE TABLE clustered (a int, b int); CREATE INDEX clustered_1 ON clustered (a); CREATE INDEX clustered_2 ON clustered (a);
      CREATE INDEX clustered_3 ON clustered (a, b); ALTER TABLE clustered CLUSTER ON clustered_2`,
    goes: ['clustered_1'],
    stays: ['clustered_2', 'clustered_3'],
    why: 'the next CLUSTER needs the mark',
  },
  {
    what: 'indexes of partitions',
    sql: `CREATE TABLE parted (a int, b int) PARTITION BY RANGE (a);
      CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
      CREATE INDEX parted_a ON parted (a); CREATE INDEX parted_twin ON parted (a);
      CREATE INDEX parted_1_local ON parted_1 (a)`,
    goes: ['parted_1_local'],
    stays: ['parted_a', 'parted_twin', 'parted_1_a_idx', 'parted_1_a_idx1'],
    why: 'what is attached goes with the index of the partitioned table, and that not without a lock',
  },
  {
    what: 'what belongs to an extension',
    sql: `CREATE TABLE extended (a int); CREATE INDEX extended_1 ON extended (a); CREATE INDEX extended_2 ON extended (a);
      ALTER EXTENSION pg_trgm ADD TABLE extended`,
    goes: [],
    stays: ['extended_1', 'extended_2'],
    why: 'its next version expects it',
  },
  {
    what: 'a materialized view',
    sql: `CREATE MATERIALIZED VIEW viewed AS SELECT n AS a FROM generate_series(1, 9) n; CREATE UNIQUE INDEX viewed_1 ON viewed (a);
      CREATE INDEX viewed_2 ON viewed (a)`,
    goes: ['viewed_2'],
    stays: ['viewed_1'],
    why: 'REFRESH ... CONCURRENTLY needs the unique one',
  },
  {
    what: 'inheritance',
    sql: `CREATE TABLE mother (a int); CREATE TABLE child () INHERITS (mother); CREATE INDEX mother_1 ON mother (a);
      CREATE INDEX child_1 ON child (a)`,
    goes: [],
    stays: ['mother_1', 'child_1'],
    why: 'each table has its own rows',
  },
  {
    what: 'a unique index that a foreign key refers to',
    sql: `CREATE TABLE referred (a int); CREATE UNIQUE INDEX referred_1 ON referred (a); CREATE UNIQUE INDEX referred_2 ON referred (a);
      CREATE INDEX referred_3 ON referred (a); CREATE TABLE referring (a int REFERENCES referred (a))`,
    goes: ['referred_3'],
    stays: ['referred_1', 'referred_2'],
    why: 'the foreign key depends on one of them',
  },
  {
    what: 'a chain of prefixes',
    sql: `CREATE TABLE chain (a int, b int, c int); CREATE INDEX chain_a ON chain (a); CREATE INDEX chain_a_b ON chain (a, b);
      CREATE INDEX chain_a_b_c ON chain (a, b, c)`,
    goes: ['chain_a', 'chain_a_b'],
    stays: ['chain_a_b_c'],
    why: 'the widest serves all of them',
  },
  {
    what: 'a key that is no prefix',
    sql: `CREATE TABLE inner_key (a int, b int); CREATE INDEX inner_key_1 ON inner_key (b); CREATE INDEX inner_key_2 ON inner_key (a, b)`,
    goes: [],
    stays: ['inner_key_1', 'inner_key_2'],
    why: 'a search by b alone reads the whole wide index',
  },
  {
    what: 'included columns',
    sql: `CREATE TABLE included (a int, b int, c int); CREATE INDEX included_1 ON included (a) INCLUDE (b);
      CREATE INDEX included_2 ON included (a, c) INCLUDE (b); CREATE INDEX included_3 ON included (b) INCLUDE (a, c);
      CREATE INDEX included_4 ON included (b, c); CREATE INDEX included_5 ON included (c) INCLUDE (a);
      CREATE INDEX included_6 ON included (c, a)`,
    goes: ['included_1', 'included_5'],
    stays: ['included_2', 'included_3', 'included_4', 'included_6'],
    why: 'the wide one holds b, and a as a key; none beside included_3 holds a',
  },
  {
    what: 'what GiST carries along',
    sql: `CREATE TABLE carried (r int4range, p point); CREATE INDEX carried_1 ON carried USING gist (r) INCLUDE (p);
      CREATE INDEX carried_2 ON carried USING gist (r, p)`,
    goes: [],
    stays: ['carried_1', 'carried_2'],
    why: 'only a B-tree returns every key as it was stored',
  },
  {
    what: 'a prefix of a unique constraint',
    sql: `CREATE TABLE constrained (a int, b int, UNIQUE (a, b)); CREATE INDEX constrained_1 ON constrained (a)`,
    goes: ['constrained_1'],
    stays: ['constrained_a_b_key'],
    why: 'the index of the constraint serves the search',
  },
  {
    what: 'a foreign key with a narrow and a wide index',
    sql: `CREATE TABLE owners (id int PRIMARY KEY); CREATE TABLE owned (a int REFERENCES owners, b int);
      CREATE INDEX owned_1 ON owned (a); CREATE INDEX owned_2 ON owned (a, b)`,
    goes: ['owned_1'],
    stays: ['owned_2', 'owners_pkey'],
    why: 'the wide one leads on the foreign key too',
  },
  {
    what: 'a wider index that is invalid',
    sql: `CREATE TABLE broken (a int, b int); INSERT INTO broken VALUES (1, 1), (1, 1); CREATE INDEX broken_1 ON broken (a);
      CREATE INDEX broken_2 ON broken (a, b);
      UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_2'::regclass`,
    goes: [],
    stays: ['broken_1', 'broken_2'],
    why: 'no query can use it, and what to do about it is for a person',
  },
  {
    what: 'a build that is under way',
    sql: `CREATE TABLE building (a int, b int); CREATE INDEX building_1 ON building (a); CREATE INDEX building_2 ON building (a, b);
      UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'building_2'::regclass`,
    goes: [],
    stays: ['building_1', 'building_2'],
    why: 'it may fail',
  },
  {
    what: 'names that need quotes',
    sql: `CREATE TABLE "Odd Table" ("Key" int, "it's" text); CREATE INDEX "odd ""1""" ON "Odd Table" ("Key");
      CREATE INDEX "odd 2" ON "Odd Table" ("Key", "it's")`,
    goes: ['odd "1"'],
    stays: ['odd 2'],
    why: 'a prefix, whatever it is called',
  },
  {
    what: 'an index that nothing uses',
    sql: 'CREATE TABLE idle_1 (a int, b int); CREATE INDEX idle_1_a ON idle_1 (a); CREATE INDEX idle_1_h ON idle_1 USING hash (b)',
    goes: ['idle_1_a', 'idle_1_h'],
    stays: [],
    why: 'no scan, and the table is busy',
    isBusy: true,
  },
  {
    what: 'an index that a query uses',
    sql: `CREATE TABLE used (a int, b int); CREATE INDEX used_a ON used (a); INSERT INTO used VALUES (1, 1);
      SET enable_seqscan = off; SELECT FROM used WHERE a = 1; RESET enable_seqscan`,
    goes: [],
    stays: ['used_a'],
    why: 'it was scanned',
    isBusy: true,
  },
  {
    what: 'an idle table',
    sql: 'CREATE TABLE asleep (a int); CREATE INDEX asleep_a ON asleep (a)',
    goes: [],
    stays: ['asleep_a'],
    why: 'nobody uses the table either',
  },
  {
    what: 'the only index that leads on a foreign key',
    sql: `CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE children (parent int REFERENCES parents);
      CREATE INDEX children_parent ON children (parent)`,
    goes: [],
    stays: ['children_parent'],
    why: 'a deleted parent would read the whole table',
    isBusy: true,
  },
  {
    what: 'two unused indexes that lead on a foreign key',
    sql: `CREATE TABLE parents_2 (id int PRIMARY KEY); CREATE TABLE children_2 (parent int REFERENCES parents_2, a int, b text);
      CREATE INDEX children_2_b ON children_2 (parent, b); CREATE INDEX children_2_a ON children_2 (parent, a);
      INSERT INTO children_2 SELECT NULL, n, repeat('x', 500) || n FROM generate_series(1, 300) n`,
    goes: ['children_2_b'],
    stays: ['children_2_a'],
    why: 'one of them has to stay, and the smaller does',
    isBusy: true,
  },
  {
    what: 'a foreign key of two columns, indexed in the other order',
    sql: `CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE of_pairs (a int, b int, c int, FOREIGN KEY (a, b) REFERENCES pairs);
      CREATE INDEX of_pairs_1 ON of_pairs (b, a, c); CREATE INDEX of_pairs_2 ON of_pairs (a, c)`,
    goes: ['of_pairs_2'],
    stays: ['of_pairs_1'],
    why: 'the order of its columns does not matter, and (a, c) does not lead on both',
    isBusy: true,
  },
  {
    what: 'a foreign key with an index of another collation',
    sql: `CREATE TABLE codes (id text PRIMARY KEY); CREATE TABLE coded (code text REFERENCES codes);
      CREATE INDEX coded_1 ON coded (code); CREATE INDEX coded_2 ON coded (code COLLATE "POSIX")`,
    goes: ['coded_2'],
    stays: ['coded_1'],
    why: 'the check compares by the collation of the column',
    isBusy: true,
  },
  {
    what: 'a foreign key with a partial index',
    sql: `CREATE TABLE wholes (id int PRIMARY KEY); CREATE TABLE of_wholes (whole int REFERENCES wholes, b int);
      CREATE INDEX of_wholes_1 ON of_wholes (whole); CREATE INDEX of_wholes_2 ON of_wholes (whole) WHERE b > 0`,
    goes: ['of_wholes_2'],
    stays: ['of_wholes_1'],
    why: 'the check looks at every row',
    isBusy: true,
  },
  {
    what: 'a foreign key of a partitioned table',
    sql: `CREATE TABLE roots (id int PRIMARY KEY); CREATE TABLE leaves (root int REFERENCES roots, a int) PARTITION BY RANGE (a);
      CREATE TABLE leaves_1 (a int, root int); ALTER TABLE leaves ATTACH PARTITION leaves_1 FOR VALUES FROM (0) TO (10);
      CREATE INDEX leaves_1_root ON leaves_1 (root); CREATE INDEX leaves_1_a ON leaves_1 (a)`,
    goes: ['leaves_1_a'],
    stays: ['leaves_1_root'],
    why: 'the check looks into each partition',
    isBusy: true,
  },
  {
    what: 'unused indexes that something else needs',
    sql: `CREATE TABLE needed (a int NOT NULL, b int, c int, d int4range, EXCLUDE USING gist (d WITH &&)); CREATE UNIQUE INDEX needed_a ON needed (a);
      ALTER TABLE needed REPLICA IDENTITY USING INDEX needed_a; CREATE INDEX needed_b ON needed (b);
      ALTER TABLE needed CLUSTER ON needed_b; CREATE UNIQUE INDEX needed_c ON needed (c)`,
    goes: [],
    stays: ['needed_a', 'needed_b', 'needed_c', 'needed_d_excl'],
    why: 'uniqueness, replication, CLUSTER and constraints need no scan',
    isBusy: true,
  },
  {
    what: 'an unused index of a partitioned table',
    sql: `CREATE TABLE sliced (a int) PARTITION BY RANGE (a); CREATE TABLE sliced_1 PARTITION OF sliced FOR VALUES FROM (0) TO (1000);
      CREATE INDEX sliced_a ON sliced (a)`,
    goes: [],
    stays: ['sliced_a', 'sliced_1_a_idx'],
    why: 'it cannot be dropped concurrently',
    isBusy: true,
  },
  {
    what: 'statistics of an expression that nothing scans',
    sql: `CREATE TABLE estimated (b text); CREATE INDEX estimated_1 ON estimated (lower(b))`,
    goes: [],
    stays: ['estimated_1'],
    why: 'the planner may estimate by them: the steps keep them first',
    isBusy: true,
  },
  {
    what: 'statistics of an expression that are kept elsewhere',
    sql: `CREATE TABLE kept (b text, c text, d int[]); CREATE INDEX kept_1 ON kept (lower(b)); CREATE STATISTICS kept_stat ON (lower(b)) FROM kept;
      CREATE INDEX kept_2 ON kept (upper(c)) WHERE c > 'm'; CREATE UNIQUE INDEX kept_3 ON kept (upper(c), b);
      CREATE INDEX kept_4 ON kept USING gin ((d || 1))`,
    goes: ['kept_1', 'kept_2', 'kept_4'],
    stays: ['kept_3'],
    why: 'CREATE STATISTICS has those of lower(b), another index those of upper(c), and nothing estimates by elements',
    isBusy: true,
  },
  {
    what: 'an unused index that takes over from another one',
    sql: `CREATE TABLE heirs (a int, b int); CREATE INDEX heirs_1 ON heirs (a); CREATE INDEX heirs_2 ON heirs (a, b)`,
    goes: ['heirs_1'],
    stays: ['heirs_2'],
    why: 'both would be one too many',
    isBusy: true,
  },
]
