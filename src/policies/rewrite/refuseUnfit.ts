import type { FuncCall } from '../../syntax/nodes.ts'
import { candidatesFor, whyVolatilityMatters } from '../read/calls.ts'
import { readsChanging } from '../read/declarations.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { privateSchema } from '../read/privateSchema.ts'
import { Unclear } from '../read/queryColumns.ts'
import { otherSettingOf } from '../read/searchPath.ts'
import type { MembershipScope } from './memberOf.ts'

/** @throws Unclear if a helper with the rights of the function could answer otherwise, or may not be made */
export function refuseUnfit(call: FuncCall, called: CatalogFunction, scope: MembershipScope): void {
  const { schema, name, args, volatility } = called
  const shown = `${schema}.${name}(${args})`
  if (candidatesFor(call, scope).length > 1)
    throw new Unclear(`${shown} has overloads with the same number of arguments`)
  const perRow = whyVolatilityMatters(called, scope)
  if (perRow !== undefined) throw new Unclear(`${shown} is VOLATILE, and ${perRow}`)
  if (volatility === 'immutable') {
    const reads = readsChanging(called, scope.reach)
    if (reads !== undefined) {
      throw new Unclear(
        `${shown} is declared IMMUTABLE, yet reads ${reads}: a cached plan may show one user another's rows`,
      )
    }
  }
  const hidden = scope.hiddenVolatile.get(called.oid)
  if (hidden !== undefined)
    throw new Unclear(`${shown} is declared STABLE, yet calls ${hidden}, which is VOLATILE`)
  // With VARIADIC the last argument is the array itself.
  if (called.isVariadic && call.func_variadic !== true) throw new Unclear('it is variadic')
  const setting = otherSettingOf(called)
  if (setting !== undefined) throw new Unclear(`${shown} sets ${setting} while it runs`)
  if (called.isSecurityDefiner && called.owner !== scope.role) {
    throw new Unclear(
      `${shown} runs with the rights of ${called.owner}, and a helper made here would run with those of ${scope.role}`,
    )
  }
  if (!scope.surroundings.mayCreate) {
    throw new Unclear(`${scope.role} may not create a helper in schema ${privateSchema}`)
  }
}
