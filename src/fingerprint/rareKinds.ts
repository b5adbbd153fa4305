import type { ClientBase } from 'pg'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { grantsIn, madeByUser, rows } from './rows.ts'
import { describe, namedGlobally, namedInSchema } from './schemaObject.ts'
import type { Grant, PropertyValue, SchemaObjects } from './schemaObject.ts'

/** A kind of object that few schemas have: how to read all of them. */
interface RareKind {
  kind: string
  /**
   * Gives `schema` (null: none), `name`, `suffix` for the shown name, `properties` as JSON and, where the
   * kind has them, `owner` and `grants`.
   */
  sql: string
  /** The first major version that has the catalog. */
  since?: number
}

const signature = (left: string, right: string): string => `pg_catalog.format('(%s, %s)',
  CASE WHEN ${left} = 0 THEN 'none' ELSE pg_catalog.format_type(${left}, NULL) END,
  CASE WHEN ${right} = 0 THEN 'none' ELSE pg_catalog.format_type(${right}, NULL) END)`
const routine = (oid: string): string =>
  `CASE WHEN ${oid} <> 0 THEN ${oid}::pg_catalog.regprocedure::text END`
const operator = (oid: string): string =>
  `CASE WHEN ${oid} <> 0 THEN ${oid}::pg_catalog.regoperator::text END`
const owner = (oid: string): string => `(SELECT rolname FROM pg_catalog.pg_roles WHERE oid = ${oid})`
const comment = (catalog: string, oid: string): string =>
  `'comment', pg_catalog.obj_description(${oid}, '${catalog}')`

const rareKinds: RareKind[] = [
  {
    kind: 'cast',
    sql: `SELECT NULL AS schema, pg_catalog.format('(%s AS %s)', pg_catalog.format_type(c.castsource, NULL),
                                                   pg_catalog.format_type(c.casttarget, NULL)) AS name,
            '' AS suffix, pg_catalog.json_build_object(
              'function', ${routine('c.castfunc')}, 'method', c.castmethod, 'context', c.castcontext,
              ${comment('pg_cast', 'c.oid')}) AS properties
          FROM pg_catalog.pg_cast c WHERE ${madeByUser('pg_cast', 'c.oid')}`,
  },
  {
    kind: 'operator',
    sql: `SELECT n.nspname AS schema, o.oprname AS name, ${signature('o.oprleft', 'o.oprright')} AS suffix,
            pg_catalog.json_build_object(
              'function', ${routine('o.oprcode::oid')}, 'commutator', ${operator('o.oprcom')},
              'negator', ${operator('o.oprnegate')}, 'restriction', ${routine('o.oprrest::oid')},
              'join', ${routine('o.oprjoin::oid')}, 'merges', o.oprcanmerge, 'hashes', o.oprcanhash,
              ${comment('pg_operator', 'o.oid')}) AS properties, ${owner('o.oprowner')} AS owner
          FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
          WHERE ${madeByUser('pg_operator', 'o.oid')}`,
  },
  {
    kind: 'operator class',
    sql: `SELECT n.nspname AS schema, c.opcname AS name, ' using ' || am.amname AS suffix,
            pg_catalog.json_build_object(
              'family', f.opfname, 'type', pg_catalog.format_type(c.opcintype, NULL), 'default', c.opcdefault,
              'key type', CASE WHEN c.opckeytype <> 0 THEN pg_catalog.format_type(c.opckeytype, NULL) END,
              ${comment('pg_opclass', 'c.oid')}) AS properties, ${owner('c.opcowner')} AS owner
          FROM pg_catalog.pg_opclass c JOIN pg_catalog.pg_namespace n ON n.oid = c.opcnamespace
          JOIN pg_catalog.pg_am am ON am.oid = c.opcmethod JOIN pg_catalog.pg_opfamily f ON f.oid = c.opcfamily
          WHERE ${madeByUser('pg_opclass', 'c.oid')}`,
  },
  {
    kind: 'operator family',
    sql: `SELECT n.nspname AS schema, f.opfname AS name, ' using ' || am.amname AS suffix,
            pg_catalog.json_build_object(
              'operators', (SELECT pg_catalog.array_agg(
                  pg_catalog.format('%s %s', o.amopstrategy, o.amopopr::pg_catalog.regoperator)
                  ORDER BY o.amopstrategy, o.amopopr::pg_catalog.regoperator::text)
                FROM pg_catalog.pg_amop o WHERE o.amopfamily = f.oid),
              'functions', (SELECT pg_catalog.array_agg(
                  pg_catalog.format('%s %s', p.amprocnum, p.amproc::oid::pg_catalog.regprocedure)
                  ORDER BY p.amprocnum, p.amproc::oid::pg_catalog.regprocedure::text)
                FROM pg_catalog.pg_amproc p WHERE p.amprocfamily = f.oid),
              ${comment('pg_opfamily', 'f.oid')}) AS properties, ${owner('f.opfowner')} AS owner
          FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace
          JOIN pg_catalog.pg_am am ON am.oid = f.opfmethod
          WHERE ${madeByUser('pg_opfamily', 'f.oid')}`,
  },
  {
    kind: 'text search configuration',
    sql: `SELECT n.nspname AS schema, c.cfgname AS name, '' AS suffix,
            pg_catalog.json_build_object(
              'parser', p.prsname,
              'dictionaries', (SELECT pg_catalog.array_agg(
                  pg_catalog.format('%s %s %s', m.maptokentype, m.mapseqno,
                                    m.mapdict::pg_catalog.regdictionary)
                  ORDER BY m.maptokentype, m.mapseqno)
                FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = c.oid),
              ${comment('pg_ts_config', 'c.oid')}) AS properties, ${owner('c.cfgowner')} AS owner
          FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace
          JOIN pg_catalog.pg_ts_parser p ON p.oid = c.cfgparser
          WHERE ${madeByUser('pg_ts_config', 'c.oid')}`,
  },
  {
    kind: 'text search dictionary',
    sql: `SELECT n.nspname AS schema, d.dictname AS name, '' AS suffix,
            pg_catalog.json_build_object(
              'template', t.tmplname, 'options', d.dictinitoption,
              ${comment('pg_ts_dict', 'd.oid')}) AS properties, ${owner('d.dictowner')} AS owner
          FROM pg_catalog.pg_ts_dict d JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace
          JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate
          WHERE ${madeByUser('pg_ts_dict', 'd.oid')}`,
  },
  {
    kind: 'text search parser',
    sql: `SELECT n.nspname AS schema, p.prsname AS name, '' AS suffix,
            pg_catalog.json_build_object(
              'start', p.prsstart::text, 'token', p.prstoken::text, 'end', p.prsend::text,
              'headline', p.prsheadline::text, 'types', p.prslextype::text,
              ${comment('pg_ts_parser', 'p.oid')}) AS properties
          FROM pg_catalog.pg_ts_parser p JOIN pg_catalog.pg_namespace n ON n.oid = p.prsnamespace
          WHERE ${madeByUser('pg_ts_parser', 'p.oid')}`,
  },
  {
    kind: 'text search template',
    sql: `SELECT n.nspname AS schema, t.tmplname AS name, '' AS suffix,
            pg_catalog.json_build_object(
              'init', t.tmplinit::text, 'lexize', t.tmpllexize::text,
              ${comment('pg_ts_template', 't.oid')}) AS properties
          FROM pg_catalog.pg_ts_template t JOIN pg_catalog.pg_namespace n ON n.oid = t.tmplnamespace
          WHERE ${madeByUser('pg_ts_template', 't.oid')}`,
  },
  {
    kind: 'base type',
    sql: `SELECT n.nspname AS schema, t.typname AS name, '' AS suffix,
            pg_catalog.json_build_object(
              'shell', NOT t.typisdefined, 'length', t.typlen, 'alignment', t.typalign,
              'storage', t.typstorage, 'category', t.typcategory,
              'input', t.typinput::text, 'output', t.typoutput::text, 'receive', t.typreceive::text,
              'send', t.typsend::text,
              ${comment('pg_type', 't.oid')}) AS properties, ${owner('t.typowner')} AS owner
          FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
          WHERE t.typtype IN ('b', 'p') AND ${madeByUser('pg_type', 't.oid')}
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)`,
  },
  {
    kind: 'conversion',
    sql: `SELECT n.nspname AS schema, c.conname AS name, '' AS suffix,
            pg_catalog.json_build_object(
              'from', pg_catalog.pg_encoding_to_char(c.conforencoding),
              'to', pg_catalog.pg_encoding_to_char(c.contoencoding), 'function', c.conproc::text,
              'default', c.condefault,
              ${comment('pg_conversion', 'c.oid')}) AS properties, ${owner('c.conowner')} AS owner
          FROM pg_catalog.pg_conversion c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
          WHERE ${madeByUser('pg_conversion', 'c.oid')}`,
  },
  {
    kind: 'language',
    sql: `SELECT NULL AS schema, l.lanname AS name, '' AS suffix,
            pg_catalog.json_build_object(
              'trusted', l.lanpltrusted, 'handler', ${routine('l.lanplcallfoid')},
              'inline', ${routine('l.laninline')}, 'validator', ${routine('l.lanvalidator')},
              ${comment('pg_language', 'l.oid')}) AS properties, ${owner('l.lanowner')} AS owner,
            ${grantsIn('l.lanacl')} AS grants
          FROM pg_catalog.pg_language l WHERE l.lanispl AND ${madeByUser('pg_language', 'l.oid')}`,
  },
  {
    kind: 'transform',
    sql: `SELECT NULL AS schema, pg_catalog.format('for %s language %s', pg_catalog.format_type(t.trftype, NULL),
                                                   l.lanname) AS name, '' AS suffix,
            pg_catalog.json_build_object(
              'from SQL', ${routine('t.trffromsql::oid')}, 'to SQL', ${routine('t.trftosql::oid')}) AS properties
          FROM pg_catalog.pg_transform t JOIN pg_catalog.pg_language l ON l.oid = t.trflang
          WHERE ${madeByUser('pg_transform', 't.oid')}`,
  },
  {
    kind: 'parameter',
    since: 15,
    sql: `SELECT NULL AS schema, p.parname AS name, '' AS suffix, '{}'::json AS properties,
            ${grantsIn('p.paracl')} AS grants
          FROM pg_catalog.pg_parameter_acl p`,
  },
  {
    kind: 'publication',
    since: 18,
    sql: `SELECT NULL AS schema, p.pubname AS name, '' AS suffix,
            pg_catalog.json_build_object('generated columns',
              CASE p.pubgencols WHEN 's' THEN 'stored' END) AS properties
          FROM pg_catalog.pg_publication p`,
  },
]

/** Adds the kinds that pg-delta does not model: casts, operators, text search, languages and the like. */
export async function describeRareKinds(
  client: ClientBase,
  objects: SchemaObjects,
  majorVersion: number,
): Promise<void> {
  for (const { kind, sql, since = 14 } of rareKinds) {
    if (majorVersion < since) continue
    const found = await rows<{
      schema: string | null
      name: string
      suffix: string
      properties: Record<string, PropertyValue>
      owner?: string | null
      grants?: Grant[] | null
    }>(client, sql)
    for (const { schema, name, suffix, properties, owner, grants } of found) {
      const named =
        schema === null
          ? namedGlobally(kind, kind === 'cast' || kind === 'transform' ? name : displayIdentifier(name))
          : namedInSchema(kind, { schema, name })
      describe(objects, { ...named, name: named.name + suffix }, properties, {
        isListed: kind !== 'publication',
        owner: owner ?? null,
        grants: grants ?? null,
      })
    }
  }
}
