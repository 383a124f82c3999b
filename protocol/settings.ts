/**
 * What the settings files of both programs have in common: values with units, and errors that name the file, the key
 * path, what was expected and what was found. Pure; works on the issues of zod and of zod/mini alike.
 */

/** The part of a zod issue that messages are made from. */
export interface SettingsIssue {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly code?: string | undefined
  readonly expected?: string | undefined
  readonly keys?: readonly string[] | undefined
  /** Bounds, and what they count: `number`, `string`, `array`. */
  readonly minimum?: number | bigint | undefined
  readonly maximum?: number | bigint | undefined
  readonly origin?: string | undefined
  /** Words of an enumeration. */
  readonly values?: readonly unknown[] | undefined
}

/** Settings that cannot be used; `mistakes` has every one, each a full sentence. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `15s`, `1h30m`, `500ms`, `400d` as milliseconds; undefined when the text is none of these. */
export function parseDurationMs(text: string): number | undefined {
  if (!/^(?:\d+(?:ms|[smhd]))+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[smhd])/g)) total += Number(amount) * (durationUnits[unit ?? ''] ?? Number.NaN)
  return Number.isSafeInteger(total) ? total : undefined
}

const sizeUnits: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 }

/** `64MiB`, `10GiB` as bytes; undefined when the text is not a whole number and a binary unit. */
export function parseSizeBytes(text: string): number | undefined {
  const match = /^(\d+)(B|KiB|MiB|GiB|TiB)$/.exec(text)
  if (match === null) return undefined
  const bytes = Number(match[1]) * (sizeUnits[match[2] ?? ''] ?? Number.NaN)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/**
 * The known word nearest to `word` when it is near enough to be what was meant (≤ a third of it); letters left out, put
 * in, changed, and neighbours swapped count one each.
 */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let before: readonly number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : change
      current.push(Math.min(change, swap, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    before = previous
    previous = current
  }
  return previous[b.length] ?? a.length
}

/** Secrets are never printed back: a value under such a key is shown by its type only. */
const secretKey = /pass|secret|token|bearer|hook|key(file|env)?$/i

/** Longest text that is printed back whole, characters. */
const shownLength = 80

/**
 * What was found, for a message. A list or map is named, not printed: it may hold a secret further down, and so may a
 * text with an `@` after `://` (an address with a password in it) or a `?` (an address with a key in it).
 */
function found(key: PropertyKey | undefined, value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map of keys'
  if (secretKey.test(String(key ?? ''))) return `a ${typeof value}`
  if (typeof value !== 'string') return JSON.stringify(value)
  const text = value.replace(/:\/\/[^/]*@/, '://…@').replace(/(:\/\/[^?]*)\?.*$/s, '$1?…')
  return JSON.stringify(text.length > shownLength ? `${text.slice(0, shownLength)}…` : text)
}

/**
 * One sentence per mistake: `collector.yml: notify.sms.yearlyBudget: expected a whole number, got "260k"`.
 * `input` is the value that was parsed; `known(path)` gives the keys allowed at a path, for unknown ones.
 */
export function settingsMistakes(file: string, issues: readonly SettingsIssue[], input: unknown, known: (path: readonly PropertyKey[]) => readonly string[]): string[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.')
    if (issue.code === 'unrecognized_keys') {
      return (issue.keys ?? []).map((key) => {
        const near = nearestWord(key, known(issue.path))
        return `${file}: ${path === '' ? '' : `${path}.`}${key}: unknown key${near === undefined ? '' : `, did you mean ${near}?`}`
      })
    }
    const value = valueAt(input, issue.path)
    // Digits that are a name rather than an amount, such as a phone's; a small number lacks a unit, not quotes.
    const quotes = issue.expected === 'string' && typeof value === 'number' && Math.abs(value) >= 1_000_000 ? ' (put it in quotes)' : ''
    return [`${file}: ${path === '' ? '(top)' : path}: ${expectation(issue)}, got ${found(issue.path.at(-1), value)}${quotes}`]
  })
}

/** What was expected: the schema's own words where it has some (those of a type are not meant for its bounds), else ours. */
function expectation(issue: SettingsIssue): string {
  const things = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : ''
  if (issue.message.startsWith('expected') && issue.code !== 'too_small' && issue.code !== 'too_big') return issue.message
  if (issue.code === 'invalid_type' && issue.expected !== undefined) return `expected ${typeWords[issue.expected] ?? issue.expected}`
  if (issue.code === 'too_small' && issue.minimum !== undefined) return `expected at least ${issue.minimum}${things}`
  if (issue.code === 'too_big' && issue.maximum !== undefined) return `expected at most ${issue.maximum}${things}`
  if (issue.code === 'invalid_value' && issue.values !== undefined) return `expected one of ${issue.values.map(String).join(', ')}`
  return issue.message
}

const typeWords: Readonly<Record<string, string>> = { int: 'a whole number', number: 'a number', string: 'a text', boolean: 'true or false', array: 'a list', object: 'a map of keys' }

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}
