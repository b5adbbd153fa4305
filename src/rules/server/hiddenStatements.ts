/** What a role outside pg_read_all_stats does not see of pg_stat_statements. */
export function whatIsHidden(statements: number): string {
  return `The text of ${statements} statements of other roles is hidden; membership in pg_read_all_stats (or pg_monitor) shows it.`
}
