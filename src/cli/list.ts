import type { Command } from 'commander'
import type { CommandContext } from './context.ts'

/** A command as the program's own help knows it; what it runs is loaded when it is called. */
export interface ListedCommand {
  name: string
  description: string
  load(): Promise<(context: CommandContext) => Command>
}

/** Every command, in the order in which help lists them. */
export const commands: ListedCommand[] = [
  {
    name: 'init',
    description: 'set up another project: directory, scripts, workflow; shows what it will write, and asks',
    load: async () => (await import('./init.ts')).initCommand,
  },
  {
    name: 'demo',
    description:
      'make a slow database fast, check it and take it back, on a throw-away PostgreSQL; in a checkout only',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  {
    name: 'diagnose',
    description:
      'write a report on a database: what is slow or unsafe, and what fixes it; writes nothing to the database',
    load: async () => (await import('./diagnose.ts')).diagnoseCommand,
  },
  {
    name: 'advise',
    description:
      'which indexes a workload wants, chosen from statistics alone; writes nothing to the database',
    load: async () => (await import('./advise.ts')).adviseCommand,
  },
  {
    name: 'compare',
    description: 'compare two reports of diagnose: new, fixed, worse, better',
    load: async () => (await import('./compare.ts')).compareCommand,
  },
  {
    name: 'bench',
    description: 'measure what is promised, before and after in one run; in a checkout only',
    load: async () => (await import('./bench.ts')).benchCommand,
  },
  {
    name: 'optimize',
    description: 'write migration files for the findings that have a fix; the database is only read',
    load: async () => (await import('./optimize.ts')).optimizeCommand,
  },
  {
    name: 'partition',
    description: 'write the series of migrations that partitions a table in use; the database is only read',
    load: async () => (await import('./partition.ts')).partitionCommand,
  },
  {
    name: 'migrate',
    description: 'run, take back and inspect migrations; conditions are checked against the live database',
    load: async () => (await import('./migrate.ts')).migrateCommand,
  },
  {
    name: 'verify',
    description:
      'check the conditions of a migration that any tool runs, before or after it; exit 2 if one fails',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'export',
    description: 'write the pending migrations as files of another migration tool; the database is only read',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  {
    name: 'policies',
    description: 'try who may do what, table by table, as a regression test; everything is rolled back',
    load: async () => (await import('./policies.ts')).policiesCommand,
  },
  {
    name: 'connections',
    description:
      'show who is connected, who waits for whom and what holds VACUUM back; ends idle sessions on request',
    load: async () => (await import('./connections.ts')).connectionsCommand,
  },
  {
    name: 'bloat',
    description: 'measure how much of the tables and indexes is empty; gives the space back on request',
    load: async () => (await import('./bloat.ts')).bloatCommand,
  },
  {
    name: 'monitor',
    description: 'the metrics of a database, once or in rounds, for people, Prometheus and OpenTelemetry',
    load: async () => (await import('./monitor.ts')).monitorCommand,
  },
  {
    name: 'maintain',
    description: 'do what is due daily, weekly, monthly or quarterly; for schedulers',
    load: async () => (await import('./maintain.ts')).maintainCommand,
  },
  {
    name: 'cache',
    description: 'make tables announce what changes, and drop it from the cache',
    load: async () => (await import('./cache.ts')).cacheCommand,
  },
  {
    name: 'why',
    description: 'recognise a symptom or the text of an error, look at the database, answer with a command',
    load: async () => (await import('./why.ts')).whyCommand,
  },
  {
    name: 'mcp',
    description:
      'serve diagnose, advise, plan and explain to agents, read-only, over standard input and output',
    load: async () => (await import('./mcp.ts')).mcpCommand,
  },
  {
    name: 'fingerprint',
    description: 'print the canonical text of the schema; equal texts mean equal schemas',
    load: async () => (await import('./fingerprint.ts')).fingerprintCommand,
  },
]
