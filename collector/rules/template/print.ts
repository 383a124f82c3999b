import { quote } from '../../promql/strings.ts'
import { formatFloat, shortestFloat } from './float.ts'
import { compareStrings, typeName } from './value.ts'
import type { Value } from './value.ts'

/** A value as Go's `%v` (fmt.Print) shows it. Nothing at all is `<nil>`; a template action prints `<no value>` there. */
export function show(value: Value): string {
  if (value === undefined) return '<nil>'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return shortestFloat(value)
  if (typeof value === 'string') return value
  switch (value.kind) {
    case 'map': {
      const keys = [...value.entries.keys()].sort(compareStrings)
      return `map[${keys.map((key) => `${key}:${show(value.entries.get(key))}`).join(' ')}]`
    }
    case 'list': return `[${value.items.map(show).join(' ')}]`
    case 'sample': return `&{${show(value.labels)} ${show(value.value)}}`
    case 'time': return showTime(value.ms)
    case 'duration': return showDuration(value.seconds)
  }
}

/** Epoch milliseconds as Go prints a UTC time: `1970-01-01 00:16:40 +0000 UTC`, with the fraction where there is one. */
export function showTime(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return `${ms} ms`
  const iso = date.toISOString()
  const fraction = iso.slice(iso.length - 5, -1).replace(/\.?0+$/, '')
  return `${iso.slice(0, 10)} ${iso.slice(11, iso.length - 5)}${fraction} +0000 UTC`
}

/** Seconds as Go prints a time.Duration: `1h30m0s`, `1.5s`, `250ms`. */
export function showDuration(seconds: number): string {
  if (seconds === 0) return '0s'
  const sign = seconds < 0 ? '-' : ''
  const total = Math.abs(seconds)
  if (total < 1e-6) return `${sign}${formatFloat(Math.round(total * 1e9), 'f', -1)}ns`
  if (total < 1e-3) return `${sign}${formatFloat(Math.round(total * 1e9) / 1e3, 'f', -1)}µs`
  if (total < 1) return `${sign}${formatFloat(Math.round(total * 1e9) / 1e6, 'f', -1)}ms`
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor(total / 60) % 60
  const rest = formatFloat(Math.round((total % 60) * 1e9) / 1e9, 'f', -1)
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}s`
  return minutes > 0 ? `${sign}${minutes}m${rest}s` : `${sign}${rest}s`
}

/** fmt.Sprint: a space between two operands when neither is a string. */
export function sprint(values: readonly Value[]): string {
  let text = ''
  values.forEach((value, index) => {
    if (index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string') text += ' '
    text += show(value)
  })
  return text
}

interface Directive {
  readonly minus: boolean
  readonly plus: boolean
  readonly sharp: boolean
  readonly space: boolean
  readonly zero: boolean
  readonly width: number | undefined
  readonly precision: number | undefined
  readonly verb: string
}

/** Widths and precisions above this are refused, as Go refuses them from 10^6; ours is lower, a rule's text is a line. */
const widest = 10_000

/** fmt.Sprintf for the verbs that templates use: v d s q x X o b c U e E f F g G t T %. Never throws: mistakes print as Go's `%!d(float64=1)`. */
export function sprintf(format: string, args: readonly Value[]): string {
  let text = ''
  let next = 0
  let position = 0
  const directive = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?/y
  while (position < format.length) {
    const percent = format.indexOf('%', position)
    if (percent < 0) return text + format.slice(position) + extra(args, next)
    text += format.slice(position, percent)
    directive.lastIndex = percent
    const match = directive.exec(format)
    const flags = match?.[1] ?? ''
    const number = (field: string | undefined): number | undefined => {
      if (field === undefined) return undefined
      if (field !== '*') return Math.min(Number(field), widest)
      const given = args[next++]
      if (typeof given === 'bigint' && given > -widest && given < widest) return Number(given)
      text += '%!(BADWIDTH)'
      return undefined
    }
    const width = number(match?.[2])
    const precision = number(match?.[3])
    const verb = String.fromCodePoint(format.codePointAt(percent + (match?.[0].length ?? 1)) ?? 0)
    position = percent + (match?.[0].length ?? 1) + verb.length
    if (position > format.length) return `${text}%!(NOVERB)${extra(args, next)}`
    if (verb === '%') {
      text += '%'
      continue
    }
    if (next >= args.length) {
      text += `%!${verb}(MISSING)`
      continue
    }
    const minus = flags.includes('-') || (width !== undefined && width < 0)
    text += formatOne(args[next++], {
      minus, plus: flags.includes('+'), sharp: flags.includes('#'), space: flags.includes(' '),
      zero: flags.includes('0') && !minus, width: width === undefined ? undefined : Math.abs(width), precision, verb,
    })
  }
  return text + extra(args, next)
}

function extra(args: readonly Value[], next: number): string {
  if (next >= args.length) return ''
  const shown = args.slice(next).map((value) => (value === undefined ? '<nil>' : `${typeName(value)}=${show(value)}`))
  return `%!(EXTRA ${shown.join(', ')})`
}

function formatOne(value: Value, how: Directive): string {
  if (how.verb === 'T') return pad(typeName(value), how)
  if (value === undefined) return how.verb === 'v' ? pad('<nil>', how) : `%!${how.verb}(<nil>)`
  if (how.verb === 'v' && typeof value === 'object') return pad(show(value), how)
  const text = formatScalar(value, how)
  return text ?? `%!${how.verb}(${typeName(value)}=${show(value)})`
}

/** undefined: the verb does not fit the value. */
function formatScalar(value: Exclude<Value, undefined>, how: Directive): string | undefined {
  if (typeof value === 'boolean') return 'vt'.includes(how.verb) ? pad(String(value), how) : undefined
  if (typeof value === 'bigint') return formatInteger(value, how)
  if (typeof value === 'number') return formatNumber(value, how)
  if (typeof value === 'string') return formatText(value, how)
  return how.verb === 's' && (value.kind === 'time' || value.kind === 'duration') ? pad(show(value), how) : formatInside(value, how)
}

/** A verb applied to a composite goes to its elements, as in Go. */
function formatInside(value: Exclude<Value, undefined | boolean | bigint | number | string>, how: Directive): string | undefined {
  if (value.kind === 'list') return `[${value.items.map((item) => formatOne(item, how)).join(' ')}]`
  if (value.kind !== 'map') return undefined
  const keys = [...value.entries.keys()].sort(compareStrings)
  return `map[${keys.map((key) => `${formatOne(key, how)}:${formatOne(value.entries.get(key), how)}`).join(' ')}]`
}

function formatText(value: string, how: Directive): string | undefined {
  const cut = how.precision === undefined ? value : Array.from(value).slice(0, how.precision).join('')
  switch (how.verb) {
    case 'v':
    case 's': return pad(cut, how)
    case 'q': return pad(how.sharp && !value.includes('`') ? `\`${cut}\`` : quote(cut), how)
    case 'x': return pad(Buffer.from(cut).toString('hex'), how)
    case 'X': return pad(Buffer.from(cut).toString('hex').toUpperCase(), how)
    default: return undefined
  }
}

function formatInteger(value: bigint, how: Directive): string | undefined {
  const bases = new Map([['v', 10], ['d', 10], ['x', 16], ['X', 16], ['o', 8], ['b', 2]])
  const base = bases.get(how.verb)
  const code = value >= 0n && value <= 0x10ffffn ? Number(value) : 0xfffd
  if (how.verb === 'c') return pad(String.fromCodePoint(code), how)
  if (how.verb === 'q') return pad(`'${String.fromCodePoint(code)}'`, how)
  if (how.verb === 'U') return pad(`U+${code.toString(16).toUpperCase().padStart(4, '0')}`, how)
  if (base === undefined) return undefined
  let digits = (value < 0n ? -value : value).toString(base)
  if (how.verb === 'X') digits = digits.toUpperCase()
  if (how.precision !== undefined) digits = digits.padStart(how.precision, '0')
  if (how.sharp) digits = ({ x: '0x', X: '0X', o: '0', b: '0b' }[how.verb] ?? '') + digits
  return padNumber(digits, value < 0n, { ...how, zero: how.zero && how.precision === undefined })
}

function formatNumber(value: number, how: Directive): string | undefined {
  const verb = how.verb === 'v' ? 'g' : how.verb.toLowerCase()
  if (verb !== 'e' && verb !== 'f' && verb !== 'g') return undefined
  const precision = how.precision ?? (verb === 'g' ? -1 : 6)
  let digits = formatFloat(value, verb, precision, how.sharp)
  if (how.verb === 'E' || how.verb === 'G') digits = digits.toUpperCase()
  const negative = digits.startsWith('-')
  const body = digits.replace(/^[-+]/, '')
  // Infinity always carries its sign and is never padded with zeros.
  if (!Number.isFinite(value)) return padNumber(body, negative, { ...how, zero: false, plus: how.plus || value === Infinity })
  return padNumber(body, negative, how)
}

function padNumber(digits: string, negative: boolean, how: Directive): string {
  const sign = negative ? '-' : how.plus ? '+' : how.space ? ' ' : ''
  if (how.zero && how.width !== undefined) return sign + digits.padStart(how.width - sign.length, '0')
  return pad(sign + digits, how)
}

function pad(text: string, how: Directive): string {
  if (how.width === undefined) return text
  const missing = how.width - Array.from(text).length
  if (missing <= 0) return text
  if (how.minus) return text + ' '.repeat(missing)
  return (how.zero ? '0' : ' ').repeat(missing) + text
}
