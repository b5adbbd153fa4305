import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Target } from '../../../src/migrate/target.ts'

export type Command = 'up' | 'down' | 'redo'

/** One run of a command on one database. */
export interface Job {
  id: number
  url: string
  command: Command
  target: Target
}

/** How a job ended. */
export interface Outcome {
  ran: string[]
  failure?: string
}

export interface Answer {
  id: number
  outcome: Outcome
}

/** Runs jobs in another process that can be killed under them. */
export interface Runners {
  /** Resolves when the job has ended; with undefined when its process has been killed under it. */
  run(job: Omit<Job, 'id'>): Promise<Outcome | undefined>
  /** SIGKILL, as the kernel sends it when memory runs out: nothing in the process learns of it. */
  kill(): Promise<void>
  close(): void
}

/** A process that lives for a second has no use for optimized WebAssembly, and compiling it takes half a second. */
const execArgv = ['--liftoff-only']

/** Starts a process of the program that `compileRunner` made. */
export async function startRunners(program: string): Promise<Runners> {
  let number = 0
  const spawn = () => fork(program, { execArgv })
  const ready = async (child: ChildProcess) => {
    await once(child, 'message')
    child.setMaxListeners(0)
    return child
  }
  let current = await ready(spawn())
  return {
    run: async (job) => {
      const id = (number += 1)
      const child = current
      child.send({ ...job, id } satisfies Job)
      return new Promise<Outcome | undefined>((resolve) => {
        const settle = (outcome?: Outcome) => {
          child.off('message', hear).off('exit', die)
          resolve(outcome)
        }
        const hear = (answer: Answer) => {
          if (answer.id === id) settle(answer.outcome)
        }
        const die = () => settle()
        child.on('message', hear).on('exit', die)
      })
    },
    kill: async () => {
      const exit = once(current, 'exit')
      current.kill('SIGKILL')
      await exit
      current = await ready(spawn())
    },
    close: () => void current.kill('SIGKILL'),
  }
}
