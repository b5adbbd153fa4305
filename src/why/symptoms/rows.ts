import { escapeLiteral } from 'pg'
import type { Database } from '../../postgres/database.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { findHighestValue } from '../../catalog/highestValue.ts'
import { findNamedTable, findTablesNamed } from '../../catalog/namedTable.ts'
import { findPolicies } from '../../catalog/policies.ts'
import { listSequences } from '../../catalog/sequences.ts'
import type { Symptom } from '../symptom.ts'

/** `relation "bookings"`, `table "public.bookings"` -> bookings */
function tableNamed(text: string): string | undefined {
  return /(?:relation|table) "([^"]+)"/i.exec(text)?.[1]
}

async function behindSequence(db: Database, text: string): Promise<string | undefined> {
  const name = tableNamed(text) ?? /constraint "(.+?)_pkey"/i.exec(text)?.[1]
  const table = name === undefined ? undefined : await findNamedTable(db, quote(name))
  if (!table) return undefined
  for (const sequence of await listSequences(db)) {
    const { column, lastValue } = sequence
    if (column?.table.schema !== table.schema || column.table.name !== table.name) continue
    const highest = await findHighestValue(db, table, column.name)
    if (highest === null || BigInt(highest) <= BigInt(lastValue ?? 0)) continue
    return `SELECT setval(${escapeLiteral(qualified(sequence))}, (SELECT max(${quote(column.name)}) FROM ${qualified(table)})); -- the sequence is behind its column`
  }
  return undefined
}

export const rowSymptoms: Symptom[] = [
  {
    id: 'unique_violation',
    means: 'A row with the same key is there already.',
    patterns: [/duplicate key value violates unique constraint/i, /\b23505\b/],
    async look({ db }, text) {
      const fix = await behindSequence(db, text)
      return fix === undefined
        ? {
            here: ['No sequence of that table is behind its column, so the key itself is given twice.'],
            commands: ['INSERT ... ON CONFLICT DO NOTHING, or DO UPDATE, where that is meant.'],
          }
        : {
            here: ['The sequence is behind the rows, as after a restore: it gives numbers that are taken.'],
            commands: [fix],
          }
    },
    otherwise: [
      'Look whether the sequence is behind its column: SELECT max(id) against the last value of the sequence.',
    ],
  },
  {
    id: 'foreign_key_violation',
    means: 'A row points to one that is not there, or is still pointed to.',
    patterns: [/violates foreign key constraint/i, /\b23503\b/],
    look: () =>
      Promise.resolve({
        here: ['Deletes look into every table that points here; without an index they read all of it.'],
        commands: [
          'npx hundredfold diagnose --rules unindexed_foreign_keys',
          'Insert the parent first, or delete the children first.',
        ],
      }),
    otherwise: ['Insert the parent first, or delete the children first.'],
  },
  {
    id: 'row_security_violation',
    means: 'No policy lets this caller write that row.',
    patterns: [/new row violates row-level security policy/i],
    look: async ({ db }, text) => ({
      here: await policiesOf(db, text),
      commands: ['npx hundredfold diagnose --rules rls_enabled_no_policy,policy_exists_rls_disabled'],
    }),
    otherwise: ['npx hundredfold diagnose --rules rls_enabled_no_policy'],
  },
  {
    id: 'permission_denied',
    means: 'The role lacks a privilege.',
    patterns: [/permission denied for/i, /\b42501\b/],
    look: async ({ db }, text) => ({
      here: await policiesOf(db, text),
      commands: ['GRANT what the role needs; policies come on top of privileges and do not replace them.'],
    }),
    otherwise: ['GRANT what the role needs; policies come on top of privileges and do not replace them.'],
  },
  {
    id: 'policy_recursion',
    means: 'A policy reads a table whose policies read the first one again.',
    patterns: [/infinite recursion detected in policy/i, /\b42P17\b/],
    look: async ({ db }, text) => ({
      here: await policiesOf(db, text),
      commands: [
        "Put the inner look-up into a SECURITY DEFINER function with SET search_path = '', and call it as (SELECT f()).",
        'npx hundredfold diagnose --rules policy_membership_function,policy_correlated_subquery',
      ],
    }),
    otherwise: ['Put the inner look-up into a SECURITY DEFINER function, and call it as (SELECT f()).'],
  },
  {
    id: 'no_such_relation',
    means: 'No table of that name is found through search_path.',
    patterns: [/relation "[^"]*" does not exist/i, /\b42P01\b/],
    async look({ db }, text) {
      const name = tableNamed(text)
      const tables = await findTablesNamed(db, name?.split('.').at(-1) ?? '')
      return {
        here:
          tables.length > 0
            ? tables.map((table) => `There is ${display(table)}: name its schema, and quote upper case.`)
            : ['There is no table of that name in any schema.'],
        commands:
          tables.length > 0
            ? tables.map((table) => `SELECT ... FROM ${qualified(table)}`)
            : ['npx hundredfold migrate status'],
      }
    },
    otherwise: ['npx hundredfold migrate status'],
  },
]

async function policiesOf(db: Database, text: string): Promise<string[]> {
  const name = tableNamed(text) ?? /(?:table|policy for) (\S+)/i.exec(text)?.[1]
  const table = name === undefined ? undefined : await findNamedTable(db, quote(name.replaceAll('"', '')))
  if (!table) return ['The text names no table of this database.']
  const policies = await findPolicies(db, table)
  if (policies.length === 0) return [`${display(table)} has no policy.`]
  return [
    `${display(table)} has ${policies.length} policies: ${policies.map(({ name: policy, command }) => `${policy} (${command})`).join(', ')}.`,
  ]
}
