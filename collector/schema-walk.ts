/** Looks into strict schemas: which keys a map has, and which values are paths of files. Pure. */
import { z } from 'zod'

/** A schema without default, optional and transform; of a transform what goes in. */
export function unwrapped(schema: unknown): unknown {
  let inner = schema
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) inner = inner.unwrap()
  return inner instanceof z.ZodPipe ? unwrapped(inner.in) : inner
}

/** Keys allowed at a path of the schema; none where it has no map there. Of kinds, the keys of all of them. */
export function keysAt(root: unknown, path: readonly PropertyKey[]): readonly string[] {
  let schemas: readonly unknown[] = [root]
  for (const key of path) schemas = schemas.flatMap(alternatives).flatMap((schema) => below(schema, key))
  const maps = schemas.flatMap(alternatives).filter((schema) => schema instanceof z.ZodObject)
  return [...new Set(maps.flatMap((map) => Object.keys(map.shape)))]
}

/** A schema without its wrapping, or each kind of a union. */
function alternatives(schema: unknown): readonly unknown[] {
  const inner = unwrapped(schema)
  return inner instanceof z.ZodDiscriminatedUnion ? inner.options.flatMap(alternatives) : [inner]
}

function below(schema: unknown, key: PropertyKey): readonly unknown[] {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? [Reflect.get(schema.shape, key)] : []
  if (schema instanceof z.ZodArray) return [schema.element]
  return schema instanceof z.ZodRecord ? [schema.valueType] : []
}

/** Whether `path: true` stands in the metadata of a schema, or of what it wraps: its value is the path of a file or folder. */
function namesFile(schema: unknown): boolean {
  let inner = schema
  for (;;) {
    if (inner instanceof z.ZodType && z.globalRegistry.get(inner)?.['path'] === true) return true
    if (!(inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional || inner instanceof z.ZodNullable)) return false
    inner = inner.unwrap()
  }
}

/**
 * A parsed value with every path of a file in it replaced by `resolve(path)`, as the schema's metadata (`path: true`) marks
 * them. Maps and lists on the way are copied, all else stays the same.
 */
export function withPaths<T>(schema: z.ZodType<T>, value: T, resolve: (path: string) => string): T {
  // Only texts are replaced, by texts: what was checked keeps its shape.
  return mapped(schema, value, resolve) as T
}

function mapped(schema: unknown, value: unknown, resolve: (path: string) => string): unknown {
  if (typeof value === 'string') return namesFile(schema) ? resolve(value) : value
  if (typeof value !== 'object' || value === null) return value
  const kinds = alternatives(schema)
  // Of kinds, the one that this value is of.
  const inner = kinds.length === 1 ? kinds[0] : kinds.find((kind) => kind instanceof z.ZodObject && kind.shape['kind'] instanceof z.ZodLiteral && kind.shape['kind'].value === Reflect.get(value, 'kind'))
  if (Array.isArray(value)) return inner instanceof z.ZodArray ? value.map((one: unknown) => mapped(inner.element, one, resolve)) : value
  if (!(inner instanceof z.ZodObject || inner instanceof z.ZodRecord)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]: [string, unknown]) => [key, below(inner, key).reduce((changed: unknown, schemaOfKey) => mapped(schemaOfKey, changed, resolve), one)]))
}
