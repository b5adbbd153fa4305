/**
 * What single pieces of work take, for estimates, in milliseconds: measured on PostgreSQL 18 with 200,000 rows in
 * memory. Another machine may take half or twice as long, but for all of them alike, so that the order stays.
 */
export const unitCosts = {
  /** Reading a row and comparing it. */
  row: 0.000_06,
  /** Calling a function such as `auth.uid()`, which reads the claims. */
  call: 0.002_5,
  /** Running a sub-select for a row. */
  subselect: 0.006,
  /** Calling a function that looks up a membership. */
  lookup: 0.01,
  /** Writing an entry of an index. */
  indexEntry: 0.002,
  /** Reading a megabyte of a table from memory. */
  megabyte: 0.55,
}

/** Less than a tenth of a second in an hour is not told as time: nobody notices it. */
export const leastMsPerHour = 100

/** Less space than that is no reason to change anything. */
export const leastBytes = 1024 ** 2
