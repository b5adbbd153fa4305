import { escapeLiteral } from 'pg'

/** The statement that puts a comment back, `COMMENT ON INDEX "public"."a_b_idx" IS 'for the search page'`, where there is one. */
export function commentOn(object: string, comment: string | null): string[] {
  return comment === null ? [] : [`COMMENT ON ${object} IS ${escapeLiteral(comment).trim()}`]
}
