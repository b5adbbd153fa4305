/**
 * Something could not be looked at, though nothing is wrong with the looking: an extension is missing, a role lacks a
 * privilege, nobody has collected statistics. What depends on it is skipped, with the message as reason.
 */
export class NotSeen extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'NotSeen'
  }
}
