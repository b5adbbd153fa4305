import { Command } from 'commander'
import { UsageError } from '../errors.ts'

/** Stands for a command whose data and measurements are not in the package: it says where it runs. */
function checkoutOnly(name: string): () => Command {
  return () =>
    new Command(name)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new UsageError(
          `\`${name}\` runs in a checkout of hundredfold; its data and measurements are not in the package.`,
          'Clone the repository and run `npm ci` there, or run `npx hundredfold diagnose` on a database of your own.',
        )
      })
}

export const demoCommand = checkoutOnly('demo')
export const benchCommand = checkoutOnly('bench')
