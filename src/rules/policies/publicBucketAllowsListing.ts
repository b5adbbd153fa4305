import { listPublicBuckets } from '../../catalog/buckets.ts'
import { isTrue } from '../../policies/read/positiveContext.ts'
import type { ParsedPolicy } from '../../policies/rewrite/parsedPolicies.ts'
import { readParsedPolicies } from '../../policies/rewrite/parsedPolicies.ts'
import { displayIdentifier, quote } from '../../postgres/identifiers.ts'
import { shortList } from '../../shortList.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, words } from '../../syntax/nodes.ts'
import { measured, runbook } from '../remedies.ts'
import type { Violation, Rule } from '../rule.ts'
import { CannotSee } from '../rule.ts'
import { unlessPoliciesLocked } from '../unlessLocked.ts'

/**
 * Policies of Supabase's storage by which anybody can list what is in a public bucket. Whoever has the address of an object
 * in such a bucket gets it without any policy; a policy that lets all of it through lets strangers find every address.
 *
 * ```sql
 * CREATE POLICY "avatars" ON storage.objects FOR SELECT USING (bucket_id = 'avatars'); -- not needed, and lists it
 * DROP POLICY "avatars" ON storage.objects;
 * ```
 */
export const publicBucketAllowsListing: Rule = {
  name: 'public_bucket_allows_listing',
  finds: 'policies by which anybody can list a public bucket',
  cure: 'steps: no policy, or a private bucket',
  async find(context) {
    const { parsed } = await context.read(readParsedPolicies)
    const broad = parsed.flatMap((each) => {
      const bucket = wholeBucketOf(each)
      return bucket === undefined ? [] : [{ each, bucket }]
    })
    if (broad.length === 0) return unlessPoliciesLocked(context, [])
    const open = await context.read(listPublicBuckets)
    if (!open) throw new CannotSee('The current role may not read storage.buckets.')
    const findings = broad.flatMap(({ each, bucket }) => {
      const listed = bucket === 'all' ? open : open.filter((id) => id === bucket.id)
      return listed.length > 0 ? [toViolation(each, listed)] : []
    })
    return unlessPoliciesLocked(context, findings)
  },
}

/** The one bucket, or `all`, of which the policy lets clients see every object; undefined if it looks at the object too. */
function wholeBucketOf({ policy, using }: ParsedPolicy): { id: string } | 'all' | undefined {
  const { table, command, permissive, roles } = policy
  const isStorage = table.schema === 'storage' && table.name === 'objects'
  const forClients = roles.length === 0 || roles.some((role) => ['anon', 'authenticated'].includes(role))
  if (!isStorage || !permissive || !['SELECT', 'ALL'].includes(command) || !forClients || !using)
    return undefined
  if (isTrue(using)) return 'all'
  const comparison = as(using, 'A_Expr')
  if (comparison?.kind !== 'AEXPR_OP' || words(comparison.name).at(-1) !== '=') return undefined
  const { lexpr, rexpr } = comparison
  const id = textOf(rexpr) ?? textOf(lexpr)
  const named = [lexpr, rexpr].some(
    (side) => words(as(side, 'ColumnRef')?.fields ?? []).at(-1) === 'bucket_id',
  )
  return named && id !== undefined ? { id } : undefined
}

function textOf(node: Node | undefined): string | undefined {
  return as(as(node, 'TypeCast')?.arg ?? node, 'A_Const')?.sval?.sval
}

function toViolation({ policy }: ParsedPolicy, buckets: string[]): Violation {
  return {
    level: 'warn',
    subject: [policy.table.schema, policy.table.name, policy.name],
    detail: `By policy ${displayIdentifier(policy.name)}, ${shortList(policy.roles.map(displayIdentifier)) || 'everybody'} can list the public bucket${buckets.length > 1 ? 's' : ''} ${shortList(buckets)}.`,
    evidence: [measured('using', policy.using), measured('public buckets', buckets.join(', '))],
    remedy: runbook(
      'Let objects of a public bucket be found by their address only',
      `DROP POLICY ${quote(policy.name)} ON storage.objects; -- their addresses go on working`,
      `Or keep it and make the bucket private: UPDATE storage.buckets SET public = false WHERE id = '...'; then clients need signed addresses.`,
    ),
  }
}
