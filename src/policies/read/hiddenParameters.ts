import { fieldsOf } from '../../syntax/walk.ts'

/**
 * Whether a PL/pgSQL function declares a variable that hides one of its parameters, or another variable. What an expression
 * of it means then depends on where it stands.
 *
 * `f(org uuid) ... DECLARE org uuid; BEGIN RETURN is_member(org); END` -> true: it asks about NULL
 *
 * @param parsed what `parsePlPgSQL` made of the definition
 */
export function hidesParameter(parsed: unknown, definition: string): boolean {
  const names = ['PLpgSQL_var', 'PLpgSQL_rec'].flatMap((kind) =>
    Array.from(fieldsOf(parsed, kind), ({ refname }) => refname),
  )
  // The parser leaves out what another name stands for.
  return new Set(names).size < names.length || /\balias\s+for\b/i.test(definition)
}
