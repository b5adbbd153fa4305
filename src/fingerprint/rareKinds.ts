import type { ClientBase } from 'pg'
import { displayIdentifier } from '../postgres/identifiers.ts'
import { grantsIn, madeByUser, rows } from './rows.ts'
import { describe, namedGlobally, namedInSchema } from './schemaObject.ts'
import type { Grant, PropertyValue, SchemaObjects } from './schemaObject.ts'

/** A kind of object that few schemas have: how to read all of them. */
interface RareKind {
  kind: string
  /**
   * Returns `schema` (null: none), `name`, `suffix` for the shown name, `properties` as JSON and, if the kind has them,
   * `owner` and `grants`.
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

/**
 * A kind whose objects live in schemas. The columns of its catalog begin with `prefix`: `oprname`, `oprnamespace` and, if
 * the objects have owners, `oprowner`. The SQL calls the row `o`.
 */
function inSchemas(
  kind: string,
  [catalog, prefix]: [catalog: string, prefix: string],
  parts: { suffix?: string; properties: string; joins?: string; where?: string; isOwned?: false },
): RareKind {
  const { suffix = "''", properties, joins = '', where = 'true', isOwned = true } = parts
  return {
    kind,
    sql: `SELECT n.nspname AS schema, o.${prefix}name AS name, ${suffix} AS suffix,
            pg_catalog.json_build_object(${properties}, ${comment(catalog, 'o.oid')}) AS properties,
            ${isOwned ? owner(`o.${prefix}owner`) : 'NULL'} AS owner
          FROM pg_catalog.${catalog} o JOIN pg_catalog.pg_namespace n ON n.oid = o.${prefix}namespace ${joins}
          WHERE ${where} AND ${madeByUser(catalog, 'o.oid')}`,
  }
}

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
  inSchemas('operator', ['pg_operator', 'opr'], {
    suffix: signature('o.oprleft', 'o.oprright'),
    properties: `'function', ${routine('o.oprcode::oid')}, 'commutator', ${operator('o.oprcom')},
      'negator', ${operator('o.oprnegate')}, 'restriction', ${routine('o.oprrest::oid')},
      'join', ${routine('o.oprjoin::oid')}, 'merges', o.oprcanmerge, 'hashes', o.oprcanhash`,
  }),
  inSchemas('operator class', ['pg_opclass', 'opc'], {
    suffix: `' using ' || am.amname`,
    properties: `'family', f.opfname, 'type', pg_catalog.format_type(o.opcintype, NULL), 'default', o.opcdefault,
      'key type', CASE WHEN o.opckeytype <> 0 THEN pg_catalog.format_type(o.opckeytype, NULL) END`,
    joins: `JOIN pg_catalog.pg_am am ON am.oid = o.opcmethod
      JOIN pg_catalog.pg_opfamily f ON f.oid = o.opcfamily`,
  }),
  inSchemas('operator family', ['pg_opfamily', 'opf'], {
    suffix: `' using ' || am.amname`,
    properties: `
      'operators', (SELECT pg_catalog.array_agg(
          pg_catalog.format('%s %s', a.amopstrategy, a.amopopr::pg_catalog.regoperator)
          ORDER BY a.amopstrategy, a.amopopr::pg_catalog.regoperator::text)
        FROM pg_catalog.pg_amop a WHERE a.amopfamily = o.oid),
      'functions', (SELECT pg_catalog.array_agg(
          pg_catalog.format('%s %s', p.amprocnum, p.amproc::oid::pg_catalog.regprocedure)
          ORDER BY p.amprocnum, p.amproc::oid::pg_catalog.regprocedure::text)
        FROM pg_catalog.pg_amproc p WHERE p.amprocfamily = o.oid)`,
    joins: 'JOIN pg_catalog.pg_am am ON am.oid = o.opfmethod',
  }),
  inSchemas('text search configuration', ['pg_ts_config', 'cfg'], {
    properties: `'parser', p.prsname,
      'dictionaries', (SELECT pg_catalog.array_agg(
          pg_catalog.format('%s %s %s', m.maptokentype, m.mapseqno, m.mapdict::pg_catalog.regdictionary)
          ORDER BY m.maptokentype, m.mapseqno)
        FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = o.oid)`,
    joins: 'JOIN pg_catalog.pg_ts_parser p ON p.oid = o.cfgparser',
  }),
  inSchemas('text search dictionary', ['pg_ts_dict', 'dict'], {
    properties: `'template', t.tmplname, 'options', o.dictinitoption`,
    joins: 'JOIN pg_catalog.pg_ts_template t ON t.oid = o.dicttemplate',
  }),
  inSchemas('text search parser', ['pg_ts_parser', 'prs'], {
    properties: `'start', o.prsstart::text, 'token', o.prstoken::text, 'end', o.prsend::text,
      'headline', o.prsheadline::text, 'types', o.prslextype::text`,
    isOwned: false,
  }),
  inSchemas('text search template', ['pg_ts_template', 'tmpl'], {
    properties: `'init', o.tmplinit::text, 'lexize', o.tmpllexize::text`,
    isOwned: false,
  }),
  inSchemas('base type', ['pg_type', 'typ'], {
    properties: `'shell', NOT o.typisdefined, 'length', o.typlen, 'alignment', o.typalign,
      'storage', o.typstorage, 'category', o.typcategory, 'input', o.typinput::text, 'output', o.typoutput::text,
      'receive', o.typreceive::text, 'send', o.typsend::text`,
    where: `o.typtype IN ('b', 'p')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = o.oid)`,
  }),
  inSchemas('conversion', ['pg_conversion', 'con'], {
    properties: `'from', pg_catalog.pg_encoding_to_char(o.conforencoding),
      'to', pg_catalog.pg_encoding_to_char(o.contoencoding), 'function', o.conproc::text, 'default', o.condefault`,
  }),
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
