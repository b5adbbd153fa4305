import type { Advice } from '../advisor/advise.ts'

type Besides = Pick<Advice, 'correlations' | 'mostlyPlanned'>

/** What a workload wants beside indexes, for JSON: extended statistics, and prepared statements. */
export function besidesDocument({ correlations, mostlyPlanned }: Besides): object {
  return {
    statistics: correlations.map(({ statements, factor, basis, operation }) => ({
      definition: operation.up[0],
      factor,
      basis,
      queries: statements,
      reason: operation.why,
    })),
    prepare: mostlyPlanned.map(({ statement, planMs, executionMs }) => ({
      query: statement.name,
      planMs,
      executionMs,
    })),
  }
}

/** The same for people. */
export function besidesLines({ correlations, mostlyPlanned }: Besides): string[] {
  return [
    ...correlations.flatMap(({ operation }) => [
      `analyze  ${(operation.up[0] ?? '').replaceAll('"', '')}`,
      `         ${operation.why}`,
    ]),
    ...mostlyPlanned.map(
      ({ statement, planMs, executionMs }) =>
        `prepare  ${statement.name}: a call is planned for ${planMs.toFixed(2)} ms and executed for ${executionMs.toFixed(2)} ms`,
    ),
  ]
}
