import { availableParallelism, totalmem } from 'node:os'

/** What a run was measured on: enough to judge its times, and nothing that names the machine. */
export interface MeasuredOn {
  /** Such as 18.4; absent where no row came from a server. */
  postgresql?: string
  node: string
  cores: number
  memoryGb: number
  platform: string
}

/** Describes this machine; `postgresql` is what the server said of itself. */
export function describeMachine(postgresql: string | undefined): MeasuredOn {
  return {
    ...(postgresql === undefined ? {} : { postgresql }),
    node: process.versions.node,
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    platform: `${process.platform} ${process.arch}`,
  }
}
