import type { ColumnType } from 'kysely'

/** A column that PostgreSQL computes: it can be read, never written. */
type Read<T> = ColumnType<T, never, never>
/** `bigint` arrives as text, so that no digit is lost. */
type BigInt = Read<string>

/**
 * The part of pg_catalog that we read, typed for Kysely. Names are always qualified, since our reading
 * connections set `search_path = ''`. Oids arrive as numbers, `name[]` and `oid[]` as arrays,
 * `int2vector` as text such as `1 2`.
 */
export interface Catalog {
  'pg_catalog.pg_am': { oid: Read<number>; amname: Read<string> }
  'pg_catalog.pg_attrdef': { oid: Read<number>; adrelid: Read<number>; adnum: Read<number> }
  'pg_catalog.pg_attribute': {
    attrelid: Read<number>
    attname: Read<string>
    atttypid: Read<number>
    atttypmod: Read<number>
    attnum: Read<number>
    attnotnull: Read<boolean>
    attisdropped: Read<boolean>
    attstattarget: Read<number | null>
    attoptions: Read<string[] | null>
    attgenerated: Read<string>
    attidentity: Read<string>
  }
  'pg_catalog.pg_auth_members': { roleid: Read<number>; member: Read<number>; admin_option: Read<boolean> }
  'pg_catalog.pg_class': {
    oid: Read<number>
    relname: Read<string>
    relnamespace: Read<number>
    reltype: Read<number>
    relowner: Read<number>
    relam: Read<number>
    relfilenode: Read<number>
    reltablespace: Read<number>
    relpages: Read<number>
    reltuples: Read<number>
    relallvisible: Read<number>
    reltoastrelid: Read<number>
    relhasindex: Read<boolean>
    relpersistence: Read<string>
    relkind: Read<string>
    relrowsecurity: Read<boolean>
    relforcerowsecurity: Read<boolean>
    relispartition: Read<boolean>
    relreplident: Read<string>
    reloptions: Read<string[] | null>
    relacl: Read<string | null>
  }
  'pg_catalog.pg_constraint': {
    oid: Read<number>
    conname: Read<string>
    connamespace: Read<number>
    contype: Read<string>
    convalidated: Read<boolean>
    conrelid: Read<number>
    conindid: Read<number>
    confrelid: Read<number>
    conkey: Read<number[] | null>
    confkey: Read<number[] | null>
    conparentid: Read<number>
  }
  'pg_catalog.pg_database': {
    oid: Read<number>
    datname: Read<string>
    datdba: Read<number>
    datconnlimit: Read<number>
  }
  'pg_catalog.pg_db_role_setting': {
    setdatabase: Read<number>
    setrole: Read<number>
    setconfig: Read<string[]>
  }
  'pg_catalog.pg_depend': {
    classid: Read<number>
    objid: Read<number>
    objsubid: Read<number>
    refclassid: Read<number>
    refobjid: Read<number>
    refobjsubid: Read<number>
    deptype: Read<string>
  }
  'pg_catalog.pg_description': {
    objoid: Read<number>
    classoid: Read<number>
    objsubid: Read<number>
    description: Read<string>
  }
  'pg_catalog.pg_extension': {
    oid: Read<number>
    extname: Read<string>
    extowner: Read<number>
    extnamespace: Read<number>
    extversion: Read<string>
  }
  'pg_catalog.pg_available_extensions': {
    name: Read<string>
    default_version: Read<string>
    installed_version: Read<string | null>
  }
  'pg_catalog.pg_index': {
    indexrelid: Read<number>
    indrelid: Read<number>
    indnatts: Read<number>
    indnkeyatts: Read<number>
    indisunique: Read<boolean>
    indisprimary: Read<boolean>
    indisexclusion: Read<boolean>
    indimmediate: Read<boolean>
    indisclustered: Read<boolean>
    indisvalid: Read<boolean>
    indisready: Read<boolean>
    indislive: Read<boolean>
    indisreplident: Read<boolean>
    indkey: Read<string>
    indclass: Read<string>
    indcollation: Read<string>
    indexprs: Read<string | null>
    indoption: Read<string>
  }
  'pg_catalog.pg_inherits': { inhrelid: Read<number>; inhparent: Read<number>; inhseqno: Read<number> }
  'pg_catalog.pg_language': { oid: Read<number>; lanname: Read<string>; lanpltrusted: Read<boolean> }
  'pg_catalog.pg_locks': {
    locktype: Read<string>
    database: Read<number | null>
    relation: Read<number | null>
    pid: Read<number>
    mode: Read<string>
    granted: Read<boolean>
  }
  'pg_catalog.pg_namespace': { oid: Read<number>; nspname: Read<string>; nspowner: Read<number> }
  'pg_catalog.pg_opclass': {
    oid: Read<number>
    opcmethod: Read<number>
    opcname: Read<string>
    opcfamily: Read<number>
    opcintype: Read<number>
    opcdefault: Read<boolean>
  }
  'pg_catalog.pg_operator': {
    oid: Read<number>
    oprname: Read<string>
    oprnamespace: Read<number>
    oprleft: Read<number>
    oprright: Read<number>
    oprresult: Read<number>
    oprcode: Read<number>
  }
  'pg_catalog.pg_policy': {
    oid: Read<number>
    polname: Read<string>
    polrelid: Read<number>
    polcmd: Read<string>
    polpermissive: Read<boolean>
    polroles: Read<number[]>
    polqual: Read<string | null>
    polwithcheck: Read<string | null>
  }
  'pg_catalog.pg_proc': {
    oid: Read<number>
    proname: Read<string>
    pronamespace: Read<number>
    proowner: Read<number>
    prolang: Read<number>
    prokind: Read<string>
    prosecdef: Read<boolean>
    proleakproof: Read<boolean>
    proisstrict: Read<boolean>
    proretset: Read<boolean>
    provolatile: Read<string>
    pronargs: Read<number>
    pronargdefaults: Read<number>
    prorettype: Read<number>
    proargtypes: Read<string>
    proargnames: Read<string[] | null>
    prosrc: Read<string>
    proconfig: Read<string[] | null>
    proacl: Read<string | null>
  }
  'pg_catalog.pg_roles': {
    oid: Read<number>
    rolname: Read<string>
    rolsuper: Read<boolean>
    rolinherit: Read<boolean>
    rolcreaterole: Read<boolean>
    rolcreatedb: Read<boolean>
    rolcanlogin: Read<boolean>
    rolreplication: Read<boolean>
    rolconnlimit: Read<number>
    rolbypassrls: Read<boolean>
    rolconfig: Read<string[] | null>
  }
  'pg_catalog.pg_settings': {
    name: Read<string>
    setting: Read<string>
    unit: Read<string | null>
    context: Read<string>
    source: Read<string>
    pending_restart: Read<boolean>
  }
  'pg_catalog.pg_stat_activity': {
    pid: Read<number>
    datname: Read<string | null>
    usename: Read<string | null>
    application_name: Read<string>
    backend_start: Read<Date | null>
    xact_start: Read<Date | null>
    query_start: Read<Date | null>
    state_change: Read<Date | null>
    wait_event_type: Read<string | null>
    wait_event: Read<string | null>
    state: Read<string | null>
    query: Read<string>
    backend_type: Read<string>
  }
  'pg_catalog.pg_stat_progress_create_index': {
    pid: Read<number>
    datname: Read<string>
    relid: Read<number>
    index_relid: Read<number>
    command: Read<string>
    phase: Read<string>
    lockers_total: BigInt
    lockers_done: BigInt
    blocks_total: BigInt
    blocks_done: BigInt
    tuples_total: BigInt
    tuples_done: BigInt
  }
  'pg_catalog.pg_stat_user_indexes': {
    relid: Read<number>
    indexrelid: Read<number>
    schemaname: Read<string>
    relname: Read<string>
    indexrelname: Read<string>
    idx_scan: BigInt
  }
  'pg_catalog.pg_stat_user_tables': {
    relid: Read<number>
    schemaname: Read<string>
    relname: Read<string>
    seq_scan: BigInt
    seq_tup_read: BigInt
    idx_scan: Read<string | null>
    n_tup_ins: BigInt
    n_tup_upd: BigInt
    n_tup_del: BigInt
    n_tup_hot_upd: BigInt
    n_live_tup: BigInt
    n_dead_tup: BigInt
    n_mod_since_analyze: BigInt
    last_vacuum: Read<Date | null>
    last_autovacuum: Read<Date | null>
    last_analyze: Read<Date | null>
    last_autoanalyze: Read<Date | null>
  }
  'pg_catalog.pg_statistic_ext': {
    oid: Read<number>
    stxrelid: Read<number>
    stxname: Read<string>
    stxnamespace: Read<number>
    stxkeys: Read<string>
    stxkind: Read<string[]>
  }
  'pg_catalog.pg_stats': { schemaname: Read<string>; tablename: Read<string>; attname: Read<string> }
  'pg_catalog.pg_trigger': {
    oid: Read<number>
    tgrelid: Read<number>
    tgname: Read<string>
    tgenabled: Read<string>
    tgisinternal: Read<boolean>
  }
  'pg_catalog.pg_type': {
    oid: Read<number>
    typname: Read<string>
    typnamespace: Read<number>
    typtype: Read<string>
    typcategory: Read<string>
    typelem: Read<number>
    typarray: Read<number>
    typrelid: Read<number>
    typbasetype: Read<number>
  }
}
