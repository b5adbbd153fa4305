import { deparse } from 'pgsql-deparser'
import type { Node } from './nodes.ts'

/** A statement's tree as SQL text. */
export async function deparseStatement(node: Node): Promise<string> {
  return deparse(node as never)
}
