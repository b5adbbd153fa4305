/** On which a commit announces what it has written there: its tags as a JSON array, or `more` where they are too many. */
export const cacheChannel = 'hundredfold_cache'

/** The tag of everything. */
export const everyTag = '*'
