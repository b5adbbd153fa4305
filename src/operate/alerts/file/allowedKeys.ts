import * as z from 'zod'

/**
 * The keys that a place of the file may have, read from the schema itself; none where any key is allowed. A union is
 * decided by what the file says there, as `type` does for a receiver.
 */
export function allowedKeys(schema: z.ZodType, path: readonly PropertyKey[], document: unknown): string[] {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const { discriminator } = inner.def
    const written = isRecord(document) ? document[discriminator] : undefined
    const option = inner.options.find(
      (each) =>
        each instanceof z.ZodObject &&
        (each.shape[discriminator] as z.ZodLiteral | undefined)?.values.has(written as string),
    )
    return option instanceof z.ZodType ? allowedKeys(option, path, document) : [discriminator]
  }
  const [step, ...rest] = path
  if (step === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
  const next =
    inner instanceof z.ZodObject
      ? (inner.shape[String(step)] as z.ZodType | undefined)
      : inner instanceof z.ZodArray
        ? (inner.element as z.ZodType)
        : inner instanceof z.ZodRecord
          ? (inner.valueType as z.ZodType)
          : undefined
  const value = isRecord(document) || Array.isArray(document) ? (document as never)[step] : undefined
  return next === undefined ? [] : allowedKeys(next, rest, value)
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return unwrap(schema.unwrap() as z.ZodType)
  return schema
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
