import { isIP } from 'node:net'
import { RE2JS } from 're2js'
import { parseDuration } from '../../promql/numbers.ts'
import { floatAt, fixedArity, listAt, sampleAt, stringAt } from './arguments.ts'
import { builtins, queryEscape } from './builtins.ts'
import type { TemplateFunction } from './evaluate.ts'
import { shortestFloat } from './float.ts'
import { humanize, humanize1024, humanizeDuration, humanizePercentage } from './humanize.ts'
import { showTime } from './print.ts'
import { compareStrings, goStrings } from './value.ts'
import type { GoSample, Value } from './value.ts'

/** One element of the vector that `query` gives a template. */
export interface QueriedSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What Prometheus's functions need of the world: the evaluation time, the console's address, a way to ask. */
export interface TemplateWorld {
  /** Epoch milliseconds of the evaluation. */
  readonly now: number
  /** Base of the links in texts; '' when none is configured. */
  readonly externalUrl: string
  /** Evaluates PromQL at `now`; throws what it throws, the text of which ends up in the annotation. */
  query(expr: string): readonly QueriedSample[]
}

const tables = new WeakMap<TemplateWorld, ReadonlyMap<string, TemplateFunction>>()

/** Every name a template may call: Go's functions and Prometheus's (template/template.go); one table for one world. */
export function templateFunctions(world: TemplateWorld): ReadonlyMap<string, TemplateFunction> {
  const known = tables.get(world)
  if (known !== undefined) return known
  const table = functionTable(world)
  tables.set(world, table)
  return table
}

function functionTable(world: TemplateWorld): ReadonlyMap<string, TemplateFunction> {
  return new Map<string, TemplateFunction>([
    ...builtins,
    ...pureFunctions,
    fixedArity('query', 1, (args) => ({ kind: 'list', items: world.query(stringAt(args, 0)).map(toSample) })),
    fixedArity('now', 0, () => world.now / 1000),
    fixedArity('externalURL', 0, () => world.externalUrl),
    fixedArity('pathPrefix', 0, () => (URL.canParse(world.externalUrl) ? new URL(world.externalUrl).pathname.replace(/^\/$/, '') : '')),
  ])
}

const pureFunctions: readonly [string, TemplateFunction][] = [
  fixedArity('first', 1, (args) => {
    const [first] = listAt(args, 0).items
    if (first === undefined) throw new Error('first() called on vector with no elements')
    return first
  }),
  fixedArity('value', 1, (args) => sampleAt(args, 0).value),
  fixedArity('label', 2, (args) => labelOf(sampleAt(args, 1), stringAt(args, 0))),
  fixedArity('strvalue', 1, (args) => labelOf(sampleAt(args, 0), '__value__')),
  fixedArity('sortByLabel', 2, (args) => {
    const name = stringAt(args, 0)
    const key = (item: Value): string => (typeof item === 'object' && item.kind === 'sample' ? labelOf(item, name) : '')
    return { kind: 'list', items: [...listAt(args, 1).items].sort((a, b) => compareStrings(key(a), key(b))) }
  }),
  ['args', (args) => ({ kind: 'map', entries: new Map(args.map((value, index) => [`arg${index}`, value])), zero: undefined })],
  fixedArity('match', 2, (args) => compileRegexp(stringAt(args, 0)).matcher(stringAt(args, 1)).find()),
  fixedArity('reReplaceAll', 3, (args) => {
    const pattern = compileRegexp(stringAt(args, 0))
    const pieces = replacementPieces(stringAt(args, 1), pattern)
    return pattern.matcher(stringAt(args, 2)).replaceAll((...groups: unknown[]) => pieces.map((piece) => {
      if (typeof piece === 'string') return piece
      const group = groups[piece]
      return typeof group === 'string' ? group : ''
    }).join(''))
  }),
  fixedArity('title', 1, (args) => titleCase(stringAt(args, 0))),
  fixedArity('toUpper', 1, (args) => eachRune(stringAt(args, 0), (rune) => rune.toUpperCase())),
  fixedArity('toLower', 1, (args) => eachRune(stringAt(args, 0), (rune) => rune.toLowerCase())),
  fixedArity('safeHtml', 1, (args) => stringAt(args, 0)),
  fixedArity('humanize', 1, (args) => humanize(floatAt(args, 0))),
  fixedArity('humanize1024', 1, (args) => humanize1024(floatAt(args, 0))),
  fixedArity('humanizeDuration', 1, (args) => humanizeDuration(floatAt(args, 0))),
  fixedArity('humanizePercentage', 1, (args) => humanizePercentage(floatAt(args, 0))),
  fixedArity('humanizeTimestamp', 1, (args) => {
    const seconds = floatAt(args, 0)
    return Number.isFinite(seconds) ? showTime(toMilliseconds(seconds)) : shortestFloat(seconds)
  }),
  fixedArity('toTime', 1, (args) => {
    const seconds = floatAt(args, 0)
    if (!Number.isFinite(seconds)) throw new Error('value is NaN or Inf')
    return { kind: 'time', ms: toMilliseconds(seconds) }
  }),
  fixedArity('toDuration', 1, (args) => {
    const seconds = floatAt(args, 0)
    if (!Number.isFinite(seconds)) throw new Error('value is NaN or Inf')
    return { kind: 'duration', seconds }
  }),
  fixedArity('parseDuration', 1, (args) => {
    const ms = parseDuration(stringAt(args, 0))
    if (typeof ms === 'string') throw new Error(ms)
    return ms / 1000
  }),
  fixedArity('stripPort', 1, (args) => splitHostPort(stringAt(args, 0))?.host ?? stringAt(args, 0)),
  fixedArity('stripDomain', 1, (args) => stripDomain(stringAt(args, 0))),
  fixedArity('graphLink', 1, (args) => `/graph?g0.expr=${queryEscape(stringAt(args, 0))}&g0.tab=0`),
  fixedArity('tableLink', 1, (args) => `/graph?g0.expr=${queryEscape(stringAt(args, 0))}&g0.tab=1`),
  fixedArity('urlQueryEscape', 1, (args) => queryEscape(stringAt(args, 0))),
]

function toSample(sample: QueriedSample): GoSample {
  return { kind: 'sample', labels: goStrings(sample.labels), value: sample.value }
}

function labelOf(sample: GoSample, name: string): string {
  const value = sample.labels.entries.get(name)
  return typeof value === 'string' ? value : ''
}

/** The largest instant Go's nanosecond clock holds. */
const longestSeconds = 9_223_372_036

function toMilliseconds(seconds: number): number {
  if (Math.abs(seconds) > longestSeconds) throw new Error(`${shortestFloat(seconds)} cannot be represented as a nanoseconds timestamp since it overflows int64`)
  // By way of whole nanoseconds, whose rounding shows in the milliseconds.
  return Number(BigInt(Math.trunc(seconds * 1e9)) / 1_000_000n)
}

function compileRegexp(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    throw new Error(`error parsing regexp: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/**
 * Go's replacement text as literal pieces and group numbers: `$1`, `${1}`, `${name}`, `$$`. `$1x` names the group `1x`;
 * a group that does not exist is empty.
 */
function replacementPieces(replacement: string, pattern: RE2JS): readonly (string | number)[] {
  const names = new Map(Object.entries(pattern.namedGroups()))
  const pieces: (string | number)[] = []
  let at = 0
  for (const match of replacement.matchAll(/\$(?:\$|\{(\w+)\}|(\w+))/g)) {
    pieces.push(replacement.slice(at, match.index))
    at = match.index + match[0].length
    const name = match[1] ?? match[2]
    if (name === undefined) pieces.push('$')
    else {
      const group = /^\d+$/.test(name) ? Number(name) : names.get(name)
      if (group !== undefined && group <= pattern.groupCount()) pieces.push(group)
    }
  }
  return [...pieces, replacement.slice(at)]
}

/** Go maps case rune by rune; where JavaScript would make two of one (ß → SS), the rune stays. */
function eachRune(text: string, map: (rune: string) => string): string {
  return Array.from(text, (rune) => {
    const mapped = map(rune)
    return Array.from(mapped).length === 1 ? mapped : rune
  }).join('')
}

/** Go's strings.Title: a letter after anything but a letter, digit or underscore (outside ASCII: after a space). */
function titleCase(text: string): string {
  return text.replace(/(^|[\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]|\s)(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase())
}

/** Go's net.SplitHostPort; undefined where it fails. */
function splitHostPort(text: string): { readonly host: string; readonly port: string } | undefined {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text)
  return match === null ? undefined : { host: match[1] ?? match[2] ?? '', port: match[3] ?? '' }
}

function stripDomain(text: string): string {
  const split = splitHostPort(text)
  const host = split?.host ?? text
  if (isIP(host) !== 0) return text
  const short = host.split('.')[0] ?? ''
  if (split === undefined || split.port === '') return short
  return short.includes(':') ? `[${short}]:${split.port}` : `${short}:${split.port}`
}

/** The names alone, for parsing before there is a world to run in. */
export const functionNames: ReadonlySet<string> = new Set(templateFunctions({ now: 0, externalUrl: '', query: () => [] }).keys())
