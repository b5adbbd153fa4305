import type { MigrationBuilder } from 'node-pg-migrate'
import { functionExists, policyIs, type Optimization } from 'hundredfold'

const table = { schema: 'public', name: 'conversation_members' }

/** Predicates as PostgreSQL prints them with an empty search_path. Commands and roles stay as they are. */
const policies = [
  {
    name: 'Members can view members',
    before: { using: 'public.is_conversation_member(conversation_id)', check: null },
    after: {
      using:
        '((user_id = ( SELECT private.current_user_id() AS current_user_id)) OR private.is_conversation_member(conversation_id))',
      check: null,
    },
  },
  {
    name: 'Users can be added to conversations',
    before: {
      using: null,
      check: `((user_id = auth.uid()) OR (EXISTS ( SELECT 1
   FROM public.conversations c
  WHERE ((c.id = conversation_members.conversation_id) AND (c.created_by = auth.uid())))))`,
    },
    after: {
      using: null,
      check: `((user_id = ( SELECT private.current_user_id() AS current_user_id)) OR (EXISTS ( SELECT 1
   FROM public.conversations c
  WHERE ((c.id = conversation_members.conversation_id) AND (c.created_by = ( SELECT private.current_user_id() AS current_user_id))))))`,
    },
  },
  {
    name: 'Members can mark conversations as read',
    before: { using: '(user_id = auth.uid())', check: '(user_id = auth.uid())' },
    after: {
      using: '(user_id = ( SELECT private.current_user_id() AS current_user_id))',
      check: '(user_id = ( SELECT private.current_user_id() AS current_user_id))',
    },
  },
]

export const optimization: Optimization = {
  why:
    "Every member row is handed to is_conversation_member(). One's own rows need no such search, and " +
    'are now found by index. The rows of others are still asked for one by one, through the helper ' +
    'that plans only once: they are read one conversation at a time, where that costs less than the ' +
    "set of a busy user's conversations.",
  rule: 'policy_membership_function',
  before: [
    functionExists({ schema: 'private', name: 'current_user_id', args: '' }),
    functionExists({ schema: 'private', name: 'is_conversation_member', args: 'conversation uuid' }),
    ...policies.map(({ name, before }) => policyIs(table, name, before)),
  ],
  after: policies.map(({ name, after }) => policyIs(table, name, after)),
}

export function up(pgm: MigrationBuilder): void {
  for (const { name, after } of policies) {
    pgm.alterPolicy(table, name, { using: after.using ?? undefined, check: after.check ?? undefined })
  }
}

export function down(pgm: MigrationBuilder): void {
  for (const { name, before } of policies) {
    pgm.alterPolicy(table, name, { using: before.using ?? undefined, check: before.check ?? undefined })
  }
}
