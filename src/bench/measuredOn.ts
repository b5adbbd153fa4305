import { availableParallelism, totalmem } from 'node:os'

/** The machine of a run: enough to judge the times, but nothing that identifies it. */
export interface MeasuredOn {
  /** Such as 18.4; absent if no row came from a server. */
  postgresql?: string
  node: string
  cores: number
  memoryGb: number
  platform: string
}

/** Describes this machine; `postgresql` is the server's version. */
export function describeMachine(postgresql: string | undefined): MeasuredOn {
  return {
    ...(postgresql === undefined ? {} : { postgresql }),
    node: process.versions.node,
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    platform: `${process.platform} ${process.arch}`,
  }
}
