/**
 * Something could not be read, and that is no error: an extension is missing, a role lacks a privilege, or there are no
 * statistics. What depends on it is skipped, with the message as the reason.
 */
export class NotSeen extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'NotSeen'
  }
}
