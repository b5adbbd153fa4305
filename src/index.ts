/** What migration files and programs import from `hundredfold`. */
export * from './migrationFiles.ts'
