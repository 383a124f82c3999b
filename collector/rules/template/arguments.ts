import { ArgumentError } from './evaluate.ts'
import type { TemplateFunction } from './evaluate.ts'
import type { GoList, GoSample, Value } from './value.ts'
import { typeName } from './value.ts'

/** Checks the number of arguments as Go does before a call. */
export function exactly(name: string, count: number, args: readonly Value[]): void {
  if (args.length !== count) throw new ArgumentError(`wrong number of args for ${name}: want ${count} got ${args.length}`, undefined)
}

/** As `exactly`, for functions with a variable number. */
export function atLeast(name: string, count: number, args: readonly Value[]): void {
  if (args.length < count) throw new ArgumentError(`wrong number of args for ${name}: want at least ${count} got ${args.length}`, undefined)
}

function wrongType(args: readonly Value[], index: number, expected: string): ArgumentError {
  const value = args[index]
  const message = value === undefined
    ? `invalid value; expected ${expected}`
    : `wrong type for value; expected ${expected}; got ${typeName(value)}`
  return new ArgumentError(message, { index, expected })
}

/** The argument at `index` as Go's string parameter takes it: a string, nothing else. */
export function stringAt(args: readonly Value[], index: number): string {
  const value = args[index]
  if (typeof value !== 'string') throw wrongType(args, index, 'string')
  return value
}

/** A query's result. */
export function listAt(args: readonly Value[], index: number): GoList {
  const value = args[index]
  if (typeof value !== 'object' || value.kind !== 'list') throw wrongType(args, index, 'template.queryResult')
  return value
}

/** One element of a query's result. */
export function sampleAt(args: readonly Value[], index: number): GoSample {
  const value = args[index]
  if (typeof value !== 'object' || value.kind !== 'sample') throw wrongType(args, index, '*template.sample')
  return value
}

/** A number, or a text that is one: what the humanize functions take. Throws as strconv.ParseFloat says. */
export function floatAt(args: readonly Value[], index: number): number {
  const value = args[index]
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'object' && value.kind === 'duration') return value.seconds
  if (typeof value !== 'string') throw new Error(`can't convert ${typeName(value)} to float`)
  const parsed = parseFloat64(value)
  if (parsed === undefined) throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`)
  return parsed
}

function parseFloat64(text: string): number | undefined {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (special !== null) {
    if (special[2]?.toLowerCase() === 'nan') return NaN
    return special[1] === '-' ? -Infinity : Infinity
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}

/** A function of fixed arity under its name. */
export function fixedArity(name: string, count: number, run: TemplateFunction): [string, TemplateFunction] {
  return [name, (args) => {
    exactly(name, count, args)
    return run(args)
  }]
}
