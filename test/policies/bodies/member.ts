/** `c_member(org uuid)`, by which most policies ask for a membership. */
export function member(declared: string, body: string): string {
  return `CREATE FUNCTION c_member(org uuid) RETURNS boolean ${declared} AS $body$ ${body} $body$;`
}

/** A function without arguments that says yes or no. */
export function allowed(declared: string, body: string): string {
  return `CREATE FUNCTION c_allowed() RETURNS boolean ${declared} AS $body$ ${body} $body$;`
}

/** What a function is declared to be. */
export const invoker = 'LANGUAGE sql STABLE'
export const definer = 'LANGUAGE sql STABLE SECURITY DEFINER'
export const emptyPath = `SET search_path = ''`
export const plpgsql = 'LANGUAGE plpgsql STABLE'
export const plpgsqlDefiner = 'LANGUAGE plpgsql STABLE SECURITY DEFINER'

/** The membership of who is calling, with a further condition on the member `m`. */
export function isMember(condition = 'true', from = 'public.members'): string {
  return `SELECT EXISTS (SELECT FROM ${from} m WHERE m.org_id = org AND m.user_id = auth.uid() AND ${condition})`
}
