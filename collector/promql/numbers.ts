/**
 * Numbers and durations as PromQL writes them: Go's float formats and Prometheus's duration syntax.
 *
 * Sources: Go strconv.FormatFloat / ParseFloat / ParseInt(base 0); prometheus/common model.Duration.
 */

const specials = new Map([['inf', Infinity], ['+inf', Infinity], ['-inf', -Infinity], ['nan', NaN], ['+nan', NaN], ['-nan', NaN]])

/** NaN, +Inf, -Inf as Go prints them; undefined for a finite value. */
function specialText(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return undefined
}

/** Shortest decimal digits and the exponent of the first of them: 1234.5 gives ['12345', 3]. */
function digitsOf(value: number): [string, number] {
  const [mantissa = '0', exponent = '0'] = Math.abs(value).toExponential().split('e')
  return [mantissa.replace('.', ''), Number(exponent)]
}

/** Go's 'f' format with the fewest digits that give the value back; never an exponent. PromQL prints number literals so. */
export function formatFloat(value: number): string {
  const special = specialText(value)
  if (special !== undefined) return special
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const [digits, exponent] = digitsOf(value)
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, '0')
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
}

/** Go's %g: shortest digits, an exponent of at least two digits below 1e-4 and from 1e+06 (strconv: precision 6 decides). */
export function formatGeneral(value: number): string {
  const special = specialText(value)
  if (special !== undefined) return special
  const [digits, exponent] = digitsOf(value)
  if (value === 0 || (exponent >= -4 && exponent < 6)) return formatFloat(value)
  const sign = value < 0 ? '-' : ''
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
  return `${sign}${digits.charAt(0)}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** A sample's value as the Prometheus HTTP API writes it: `NaN`, `+Inf`, `-Inf`, else shortest digits. */
export function formatSample(value: number): string {
  const special = specialText(value)
  if (special !== undefined) return special
  return Object.is(value, -0) ? '-0' : String(value)
}

/** A float as OpenMetrics writes a label value: `0.0`, `1.0`, `0.25`, `+Inf`. */
export function formatLabelFloat(value: number): string {
  const text = formatGeneral(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

/**
 * A number literal's value: decimal with optional `_`, fraction, exponent; 0x… and leading-zero octal integers;
 * Inf and NaN in any case. undefined when it is none of these or too large for a float64.
 */
export function parseNumber(text: string): number | undefined {
  const special = specials.get(text.toLowerCase())
  if (special !== undefined) return special
  const match = /^([+-]?)(.*)$/s.exec(text)
  const sign = match?.[1] === '-' ? -1 : 1
  const body = match?.[2] ?? ''
  if (/^0[xX](_?[0-9a-fA-F])+$/.test(body)) return sign * Number(body.replaceAll('_', ''))
  if (/^0(_?[0-7])+$/.test(body)) return sign * Number.parseInt(body.replaceAll('_', ''), 8)
  if (!/^(\d(_?\d)*\.?(\d(_?\d)*)?|\.\d(_?\d)*)([eE][+-]?\d(_?\d)*)?$/.test(body)) return undefined
  const value = Number(body.replaceAll('_', ''))
  return Number.isFinite(value) ? sign * value : undefined
}

/** Milliseconds of each unit, in the order in which they may appear. */
const units: readonly (readonly [string, number])[] = [
  ['y', 31_536_000_000], ['w', 604_800_000], ['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1_000], ['ms', 1],
]

const durationPattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** The longest duration Prometheus can hold: a signed 64-bit count of nanoseconds. */
const longestMs = 9_223_372_036_854

/** Milliseconds of `1h30m`, `5m`, `0`; the units y w d h m s ms in this order. A string names what is wrong. */
export function parseDuration(text: string): number | string {
  if (text === '') return 'empty duration string'
  if (text === '0') return 0
  const match = durationPattern.exec(text)
  if (match === null) return `not a valid duration string: ${JSON.stringify(text)}`
  const total = units.reduce((sum, [, ms], index) => sum + Number(match[index + 1] ?? 0) * ms, 0)
  return total > longestMs ? 'duration out of range' : total
}

/** `1h30m`, `5m`, `0s`, `1s500ms`; y and w only when they divide the whole, as model.Duration prints. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = ms
  let text = ''
  for (const [unit, size] of units) {
    if (size >= 604_800_000 && rest % size !== 0) continue
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}
