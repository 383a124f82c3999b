import { atLeast, fixedArity } from './arguments.ts'
import type { TemplateFunction } from './evaluate.ts'
import { show, sprint, sprintf } from './print.ts'
import { byteLength, compareStrings, isTrue } from './value.ts'
import type { Value } from './value.ts'

/** Go's own template functions (text/template/funcs.go), `call` aside: there are no function values here. */
export const builtins: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['and', decideHere],
  ['or', decideHere],
  fixedArity('not', 1, ([value]) => !isTrue(value)),
  fixedArity('len', 1, ([value]) => length(value)),
  ['index', index],
  ['slice', slice],
  ['print', sprint],
  ['println', (args) => `${args.map(show).join(' ')}\n`],
  ['printf', (args) => {
    atLeast('printf', 1, args)
    const [format, ...rest] = args
    if (typeof format !== 'string') throw new Error(`wrong type for value; expected string; got ${show(format)}`)
    return sprintf(format, rest)
  }],
  ['html', (args) => text(args).replace(/[&<>"'\0]/g, (char) => htmlEscapes.get(char) ?? char)],
  ['js', (args) => text(args).replace(/[\\'"<>&=]|[\0-\x1f]/g, (char) => jsEscapes.get(char) ?? `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`)],
  ['urlquery', (args) => queryEscape(text(args))],
  ['eq', (args) => {
    atLeast('eq', 1, args)
    if (args.length < 2) throw new Error('missing argument for comparison')
    return args.slice(1).some((other) => equal(args[0], other))
  }],
  fixedArity('ne', 2, ([a, b]) => !equal(a, b)),
  fixedArity('lt', 2, ([a, b]) => less(a, b)),
  fixedArity('le', 2, ([a, b]) => less(a, b) || equal(a, b)),
  fixedArity('gt', 2, ([a, b]) => !less(a, b) && !equal(a, b)),
  fixedArity('ge', 2, ([a, b]) => !less(a, b)),
])

const htmlEscapes = new Map([['&', '&amp;'], ['<', '&lt;'], ['>', '&gt;'], ['"', '&#34;'], ["'", '&#39;'], ['\0', '\ufffd']])
const jsEscapes = new Map([
  ['\\', '\\\\'], ["'", "\\'"], ['"', '\\"'], ['<', '\\u003C'], ['>', '\\u003E'], ['&', '\\u0026'], ['=', '\\u003D'],
])

/** Reached never: the evaluator runs and / or itself, since they stop early. They are listed so that they parse. */
function decideHere(args: readonly Value[]): Value {
  return args[args.length - 1]
}

/** Arguments as print shows them; one string stays as it is. */
function text(args: readonly Value[]): string {
  const [only] = args
  return args.length === 1 && typeof only === 'string' ? only : sprint(args)
}

/** Go's url.QueryEscape: everything but unreserved characters as %XX, a space as +. */
export function queryEscape(value: string): string {
  return encodeURIComponent(value.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

function length(value: Value): bigint {
  if (typeof value === 'string') return BigInt(byteLength(value))
  if (typeof value === 'object' && value.kind === 'list') return BigInt(value.items.length)
  if (typeof value === 'object' && value.kind === 'map') return BigInt(value.entries.size)
  if (value === undefined) throw new Error('len of nil pointer')
  throw new Error(`len of type ${goType(value)}`)
}

function index(args: readonly Value[]): Value {
  atLeast('index', 1, args)
  const [start, ...keys] = args
  let value = start
  for (const key of keys) {
    if (value === undefined) throw new Error('index of untyped nil')
    if (typeof value === 'object' && value.kind === 'map') {
      if (typeof key !== 'string') throw new Error(`value has type ${goType(key)}; should be string`)
      value = value.entries.has(key) ? value.entries.get(key) : value.zero
    } else if (typeof value === 'object' && value.kind === 'list') value = value.items[position(key, value.items.length - 1)]
    else if (typeof value === 'string') value = BigInt(Buffer.from(value)[position(key, byteLength(value) - 1)] ?? 0)
    else throw new Error(`can't index item of type ${goType(value)}`)
  }
  return value
}

function position(key: Value, last: number): number {
  if (typeof key !== 'bigint') throw new Error(`cannot index slice/array with type ${goType(key)}`)
  if (key < 0n || key > BigInt(last)) throw new Error(`index out of range: ${key}`)
  return Number(key)
}

function slice(args: readonly Value[]): Value {
  atLeast('slice', 1, args)
  const [value, ...bounds] = args
  if (bounds.length > 2 && typeof value === 'string') throw new Error('cannot 3-index slice a string')
  const size = Number(length(value))
  const [from = 0, to = size] = bounds.map((bound) => position(bound, size))
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`)
  if (typeof value === 'string') return Buffer.from(value).subarray(from, to).toString()
  if (typeof value === 'object' && value.kind === 'list') return { kind: 'list', items: value.items.slice(from, to) }
  throw new Error(`can't slice item of type ${goType(value)}`)
}

function goType(value: Value): string {
  return value === undefined ? 'untyped nil' : basicKind(value)
}

type Kind = 'bool' | 'int' | 'float64' | 'string' | 'other'

function basicKind(value: Value): Kind {
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float64'
  return typeof value === 'string' ? 'string' : 'other'
}

function equal(a: Value, b: Value): boolean {
  if (a === undefined || b === undefined) return a === b
  const kind = basicKind(a)
  if (kind === 'other' || basicKind(b) === 'other') throw new Error('non-comparable type')
  if (kind !== basicKind(b)) throw new Error('incompatible types for comparison')
  return a === b
}

function less(a: Value, b: Value): boolean {
  const kind = basicKind(a)
  if (kind === 'other' || basicKind(b) === 'other') throw new Error('invalid type for comparison')
  if (kind !== basicKind(b)) throw new Error('incompatible types for comparison')
  if (typeof a === 'bigint' && typeof b === 'bigint') return a < b
  if (typeof a === 'number' && typeof b === 'number') return a < b
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b) < 0
  throw new Error('invalid type for comparison')
}
