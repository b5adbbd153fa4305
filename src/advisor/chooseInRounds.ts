import type { Clock } from './clock.ts'
import type { Choice, ChoiceOptions, Priced } from './choose.ts'
import { chooseIndexes } from './choose.ts'
import type { StatementCosts } from './costStatements.ts'
import { redundantPairs } from './redundantPairs.ts'
import { loadSolver } from './solver.ts'
import type { Option } from './whatIf.ts'

/** After so many rounds the choice is taken as it is. */
const mostRounds = 4

/**
 * Chooses among the options that each statement was planned with, then plans each statement with what was chosen for the
 * others too, and chooses again, until nothing new is chosen. So one index serves several statements where it can, and
 * none is chosen beside a wider one that does its work.
 */
export async function chooseInRounds(
  options: readonly Option[],
  costs: StatementCosts,
  price: (option: Option) => Priced,
  rest: Omit<ChoiceOptions, 'exclusive' | 'timeLimit'>,
  { onStep, isOver, secondsToChoose }: Clock & { onStep: (text: string) => void },
): Promise<{ choice: Choice; priced: Priced[] }> {
  const solver = await loadSolver()
  const needed = new Set((rest.needs ?? []).flat())
  const useful = (): Option[] => {
    const used = costs.usedOptions()
    return options.filter(
      ({ index, candidate }) => !candidate || used.has(index.oid) || needed.has(index.oid),
    )
  }
  onStep('choosing')
  const first = { ...rest, timeLimit: secondsToChoose() / 2 }
  const pool = new Set(chooseIndexes(solver, costs.costed(), useful().map(price), first).chosen)
  for (let round = 1; ; round += 1) {
    onStep(`planning each statement with what the others want: round ${round}`)
    await costs.addWith(pool)
    const asked = useful()
    const priced = asked.map(price)
    const exclusive = redundantPairs(asked)
    const choice = chooseIndexes(solver, costs.costed(), priced, {
      ...rest,
      exclusive,
      timeLimit: secondsToChoose(),
    })
    const isKnown = choice.chosen.every((oid) => pool.has(oid))
    if (isKnown || isOver() || round === mostRounds) return { choice, priced }
    for (const oid of choice.chosen) pool.add(oid)
  }
}
