/**
 * Cutting kernel tables into lines and numbers without regular expressions or arrays of strings: these run for every
 * line of every tick. All of them throw an Error that names the file (`what`) and the text that does not fit.
 */

const NEWLINE = 10
const SPACE = 32
const TAB = 9
const MINUS = 45
const ZERO = 48

/** Calls `visit` with the range of every line that is not empty. A last line without its newline is a cut text: an error. */
export function eachLine(what: string, text: string, visit: (start: number, end: number) => void): void {
  let start = 0
  while (start < text.length) {
    const end = text.indexOf('\n', start)
    if (end === -1) throw malformed(what, 'the last line is cut', text, start, text.length)
    if (end > start) visit(start, end)
    start = end + 1
  }
}

/** An error about one line of a file; shows at most 80 characters of it. */
export function malformed(what: string, why: string, text: string, start: number, end: number): Error {
  return new Error(`${what}: ${why}: ${JSON.stringify(text.slice(start, Math.min(end, start + 80)))}`)
}

/** First position from `at` that is neither space nor tab, at most `end`. */
export function skipBlanks(text: string, at: number, end: number): number {
  let position = at
  while (position < end) {
    const code = text.charCodeAt(position)
    if (code !== SPACE && code !== TAB) return position
    position++
  }
  return end
}

/** First position from `at` that is a space or tab, at most `end`. */
export function skipWord(text: string, at: number, end: number): number {
  let position = at
  while (position < end) {
    const code = text.charCodeAt(position)
    if (code === SPACE || code === TAB || code === NEWLINE) return position
    position++
  }
  return end
}

/**
 * The whole number in [start, end), `-` allowed; undefined when it is anything else. Above 2^53 the value is the nearest
 * float64, as everywhere in Prometheus.
 */
export function wholeNumber(text: string, start: number, end: number): number | undefined {
  const negative = text.charCodeAt(start) === MINUS
  const first = negative ? start + 1 : start
  if (first >= end) return undefined
  let value = 0
  for (let position = first; position < end; position++) {
    const digit = text.charCodeAt(position) - ZERO
    if (!(digit >= 0 && digit <= 9)) return undefined
    value = value * 10 + digit
  }
  // Fifteen digits are exact when summed up; more are left to the correctly rounding parser.
  if (end - first > 15) value = Number(text.slice(first, end))
  return negative ? -value : value
}

/** The blank-separated whole numbers of [start, end), appended to `into` (emptied first). Anything else there is an error. */
export function numbersIn(what: string, text: string, start: number, end: number, into: number[]): void {
  into.length = 0
  let position = skipBlanks(text, start, end)
  while (position < end) {
    const stop = skipWord(text, position, end)
    const value = wholeNumber(text, position, stop)
    if (value === undefined) throw malformed(what, 'not a whole number', text, position, stop)
    into.push(value)
    position = skipBlanks(text, stop, end)
  }
}

/** The whole number a one-value file holds, newline and blanks around it allowed. */
export function numberOf(what: string, text: string): number {
  const trimmed = text.trim()
  const value = wholeNumber(trimmed, 0, trimmed.length)
  if (value === undefined) throw malformed(what, 'not a whole number', text, 0, text.length)
  return value
}
