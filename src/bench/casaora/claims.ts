/** A promise of the plan, measured with one statement of the workload. */
export interface Claim {
  id: string
  title: string
  /** The plan's own words. */
  claim: string
  /** The statement's name in workload.sql. */
  statement: string
  /** The ratio at the upper end of the promise: 80 % faster is 5 times. */
  atLeast: number
}

/** The statements that the demo measures before and after, and what the plan promises for each. */
export const casaoraClaims: Claim[] = [
  claim('availability', "A professional's booked days, as a customer", '50-80 % faster', 'availability', 5),
  claim('search', 'Search by city and service, as a visitor', '60-90 % faster', 'search_city', 10),
  claim('search_signed_in', 'Search by city, signed in', '60-90 % faster', 'search_city_signed_in', 10),
  claim('reviews', "A professional's rating and reviews", '40-70 % faster', 'review_summary', 3.4),
  claim('latest_reviews', 'The latest reviews of a professional', '40-70 % faster', 'latest_reviews', 3.4),
  claim('rls_bookings', 'My bookings, behind row-level security', '60-95 % faster', 'my_bookings', 20),
  claim('rls_payments', 'My payments, behind row-level security', '60-95 % faster', 'all_my_payments', 20),
  claim(
    'rls_messages',
    'Unread messages, behind row-level security',
    '60-95 % faster',
    'unread_messages',
    20,
  ),
  claim('rls_notifications', 'Unread notifications', '60-95 % faster', 'unread_notifications', 20),
  claim('single_query', 'My inbox: the best of single queries', '50-500x', 'inbox', 50),
]

function claim(id: string, title: string, text: string, statement: string, atLeast: number): Claim {
  return { id, title, claim: text, statement, atLeast }
}
