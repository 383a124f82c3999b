/**
 * Label matchers. Regular expressions are RE2's, anchored at both ends, `.` matching newlines too (Prometheus 3).
 *
 * `re2js` decides what is valid. A pattern that is only literals joined by `|` becomes a set; one from a subset in which
 * V8 and RE2 agree and backtracking stays small runs on V8 (twenty times faster); everything else runs on re2js, whose
 * time is linear, so no pattern can stall the collector.
 */
import { RE2JS } from 're2js'
import type { Matcher } from './store.ts'

/** A matcher's value is no regular expression RE2 accepts. */
export class BadPattern extends Error {
  override readonly name = 'BadPattern'
}

/** Longest accepted pattern, UTF-16 units; a list of plain texts joined by `|` may be this long. */
const MAX_PATTERN = 20_000
/** Longest one that has to be run: its time grows with it, for every value of the label. */
const MAX_RUN = 2_000

/** Builds a matcher. Throws BadPattern for `=~` and `!~` where RE2 refuses the pattern. */
export function matcher(name: string, op: Matcher['op'], value: string): Matcher {
  switch (op) {
    case '=':
      return { name, op, value, literals: [value], matches: (text) => text === value }
    case '!=':
      return { name, op, value, matches: (text) => text !== value }
    case '=~': {
      const { test, literals } = compilePattern(value)
      return literals === undefined ? { name, op, value, matches: test } : { name, op, value, literals, matches: test }
    }
    case '!~': {
      const { test } = compilePattern(value)
      return { name, op, value, matches: (text) => !test(text) }
    }
    default:
      return op satisfies never
  }
}

interface Pattern {
  readonly test: (text: string) => boolean
  /** All texts that match, where there are finitely many written out. */
  readonly literals: readonly string[] | undefined
}

function compilePattern(pattern: string): Pattern {
  if (pattern.length > MAX_PATTERN) throw new BadPattern(`regular expression of ${pattern.length} characters (at most ${MAX_PATTERN})`)
  const compiled = compileRe2(pattern)
  const literals = alternatives(pattern)
  if (literals !== undefined) {
    const set = new Set(literals)
    return { test: (text) => set.has(text), literals: [...set] }
  }
  if (pattern.length > MAX_RUN) throw new BadPattern(`regular expression of ${pattern.length} characters that is not a list of plain texts (at most ${MAX_RUN})`)
  if (isCommon(pattern)) {
    const expression = new RegExp(`^(?:${pattern})$`, 'su')
    return { test: (text) => expression.test(text), literals: undefined }
  }
  return { test: (text) => compiled.matches(text), literals: undefined }
}

function compileRe2(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL)
  } catch (cause) {
    throw new BadPattern(`regular expression ${JSON.stringify(pattern)}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

const PLAIN = /^[^\\.+*?()[\]{}|^$]$/u
/** Escapes that mean the character itself in RE2 and in V8's unicode mode. */
const ESCAPED = /^[.+*?()[\]{}|^$\\/]$/

/** The texts of `a|b|c`, escapes resolved; undefined where anything else than literals is in it. */
function alternatives(pattern: string): readonly string[] | undefined {
  const inner = /^\((?:\?:)?([^()]*)\)$/u.exec(pattern)?.[1] ?? pattern
  const found: string[] = []
  let text = ''
  const characters = Array.from(inner)
  for (let at = 0; at < characters.length; at++) {
    const each = characters[at] ?? ''
    if (each === '|') {
      found.push(text)
      text = ''
    } else if (each === '\\') {
      const next = characters[++at] ?? ''
      if (!ESCAPED.test(next)) return undefined
      text += next
    } else if (PLAIN.test(each)) text += each
    else return undefined
  }
  found.push(text)
  return found
}

const TOKEN = /\\[dw.+*?()[\]{}|^$\\/]|\[\^?[\w :/.,=@-]*\]|\((?:\?:)?|[)|^$.]|[*+?]\??|[^\\+*?()[\]{}|^$.]/suy

/**
 * Whether V8 gives RE2's answer without running away: plain characters, `.`, simple classes, `\d \w`, groups that are not
 * repeated, and at most two unbounded repetitions, each of one character or class. RE2 has accepted the pattern already.
 */
function isCommon(pattern: string): boolean {
  let unbounded = 0
  let repeatable = false
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < pattern.length) {
    const token = TOKEN.exec(pattern)?.[0]
    if (token === undefined) return false
    const first = token[0] ?? ''
    if ('*+?'.includes(first)) {
      if (!repeatable) return false
      if (first !== '?' && ++unbounded > 2) return false
      repeatable = false
    } else if (first === '[') {
      if (!isSimpleClass(token)) return false
      repeatable = true
    } else repeatable = !'()|^$'.includes(first)
  }
  return true
}

/** A class whose hyphens stand for ranges of ASCII letters or digits, or last: there the two syntaxes agree. */
function isSimpleClass(token: string): boolean {
  return /^\[\^?(?:[a-z]-[a-z]|[A-Z]-[A-Z]|\d-\d|[\w :/.,=@])+-?\]$/.test(token)
}
