/**
 * Alertmanager's label matchers: their syntax and their meaning.
 *
 * Source: alertmanager 0.25 `pkg/labels/parse.go`, `pkg/labels/matcher.go`. An absent label equals ''. Regular
 * expressions are RE2's, anchored; other than in PromQL, `.` does not match a line feed there.
 */
import { RE2JS } from 're2js'
import type { Labels } from '../../protocol/series.ts'
import { BadPattern, matcher as compiled } from '../store/matcher.ts'
import { byCodePoint } from './label-set.ts'

/** A matcher that cannot be read. The message says what is wrong with which text. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError'
}

export type MatchOp = '=' | '!=' | '=~' | '!~'

/** One condition on one label. */
export interface LabelMatcher {
  readonly name: string
  readonly op: MatchOp
  readonly value: string
  /** Whether a value ('' for an absent label) fulfils it. */
  matches(value: string): boolean
}

const ops: readonly MatchOp[] = ['=', '!=', '=~', '!~']
/** `=~` stands before `=`, or only `=` would be taken. */
const PATTERN = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*$/s

/** Builds a matcher. Throws MatcherError where RE2 refuses the expression. */
export function labelMatcher(name: string, op: MatchOp, value: string): LabelMatcher {
  try {
    const { matches } = compiled(name, op, value)
    if (op === '=' || op === '!=') return { name, op, value, matches }
    const strict = RE2JS.compile(value)
    const wanted = op === '=~'
    // The compiled one lets `.` match a line feed; only values that have one need the strict form.
    return { name, op, value, matches: (text) => (text.includes('\n') ? strict.matches(text) === wanted : matches(text)) }
  } catch (cause) {
    if (cause instanceof BadPattern) throw new MatcherError(cause.message, { cause })
    throw cause
  }
}

/**
 * Parses `a="b",c=~"d.*"`, with or without braces around it, values quoted or not. A comma inside quotes separates
 * nothing; one at the end is allowed.
 */
export function parseMatchers(text: string): readonly LabelMatcher[] {
  return splitOutsideQuotes(text.replace(/^\{/, '').replace(/\}$/, '')).map(parseMatcher)
}

function splitOutsideQuotes(text: string): readonly string[] {
  const parts: string[] = []
  let part = ''
  let quoted = false
  let escaped = false
  for (const character of text) {
    if (character === ',' && !quoted) {
      parts.push(part)
      part = ''
      // Alertmanager leaves `escaped` as it was here; a comma never follows a live backslash in what it accepts.
      continue
    }
    if (character === '"') {
      if (escaped) escaped = false
      else quoted = !quoted
    } else escaped = character === '\\' ? !escaped : false
    part += character
  }
  if (part.trim() !== '') parts.push(part.trim())
  return parts
}

/** Parses one matcher. Inside the value `\"`, `\n` and `\\` are escapes; any other backslash stands for itself. */
export function parseMatcher(text: string): LabelMatcher {
  const found = PATTERN.exec(text)
  const [, name, op, raw] = found ?? []
  const known = ops.find((one) => one === op)
  if (name === undefined || known === undefined || raw === undefined) throw new MatcherError(`bad matcher format: ${text}`)
  if (!raw.isWellFormed()) throw new MatcherError(`matcher value not valid UTF-8: ${raw}`)
  return labelMatcher(name, known, unescaped(raw))
}

function unescaped(raw: string): string {
  const unbalanced = (): MatcherError => new MatcherError(`matcher value contains unescaped double quote: ${raw}`)
  let expectQuote = raw.startsWith('"')
  const body = expectQuote ? raw.slice(1) : raw
  let value = ''
  for (let index = 0; index < body.length; index++) {
    const character = body.charAt(index)
    const last = index === body.length - 1
    if (character === '\\' && !last) {
      const next = body.charAt(++index)
      value += next === 'n' ? '\n' : next === '"' || next === '\\' ? next : `\\${next}`
    } else if (character === '"') {
      if (!expectQuote || !last) throw unbalanced()
      expectQuote = false
    } else value += character
  }
  if (expectQuote) throw unbalanced()
  return value
}

/** Whether every matcher is fulfilled; true for none. */
export function matchesAll(matchers: readonly LabelMatcher[], labels: Labels): boolean {
  return matchers.every((one) => one.matches(labels[one.name] ?? ''))
}

/**
 * The API's filter: as matchesAll, except that `a!=""` and `a=""` ask whether the label is there.
 * Source: alertmanager 0.25 `api/v2/api.go`, matchFilterLabels.
 */
export function matchesFilter(filter: readonly LabelMatcher[], labels: Readonly<Record<string, string>>): boolean {
  return filter.every((one) => {
    const value = labels[one.name]
    if (one.value === '') {
      const negative = one.op === '!=' || one.op === '!~'
      if (negative === (value !== undefined)) return true
    }
    return one.matches(value ?? '')
  })
}

/** `a="b"`, quotes, backslashes and line feeds escaped. */
export function matcherText(one: Pick<LabelMatcher, 'name' | 'op' | 'value'>): string {
  return `${one.name}${one.op}"${one.value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}

/** `{a="b",c=~"d"}` in the order given; group keys are made of this. */
export function matchersText(matchers: readonly LabelMatcher[]): string {
  return `{${matchers.map(matcherText).join(',')}}`
}

/** Alertmanager's order: name, then value, then `=`, `!=`, `=~`, `!~`. */
export function compareMatchers(a: LabelMatcher, b: LabelMatcher): number {
  return byCodePoint(a.name, b.name) || byCodePoint(a.value, b.value) || ops.indexOf(a.op) - ops.indexOf(b.op)
}
