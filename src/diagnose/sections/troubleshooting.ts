import { sessionPoolFull } from '../../why/symptoms/connections.ts'
import { rewriteTakesLong } from '../../why/symptoms/locks.ts'
import { slowAfterIndexes } from '../../why/symptoms/speed.ts'
import type { Symptom } from '../../why/symptom.ts'
import type { TextBlock } from '../block.ts'
import { textBlock } from '../block.ts'
import type { Section, SectionContext } from '../section.ts'

/** The symptoms that teams meet most, by the words in which they meet them; `why` knows more. */
const symptoms: [string, Symptom][] = [
  ['MaxClientsInSessionMode, EMAXCONNSESSION, "too many clients already":', sessionPoolFull],
  ['Slow after new indexes:', slowAfterIndexes],
  ['VACUUM FULL takes too long:', rewriteTakesLong],
]

/** What is the case here for each of them, and what to do, as `why` answers. */
export const troubleshooting: Section = {
  id: 'troubleshooting',
  title: 'Troubleshooting',
  async look(context) {
    const blocks: TextBlock[] = []
    for (const [title, symptom] of symptoms) blocks.push(await answered(context, title, symptom))
    return { blocks }
  },
}

async function answered(context: SectionContext, title: string, symptom: Symptom): Promise<TextBlock> {
  const { here, commands, notSeen } = await symptom.look(context, '')
  return textBlock(
    title,
    ...here.map((line) => `  ${line}`),
    ...(notSeen ? [] : commands.map((command) => `  Do: ${command}`)),
  )
}
