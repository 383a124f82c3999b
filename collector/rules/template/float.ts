import { formatFloat as plainDigits } from '../../promql/numbers.ts'

/**
 * Go's float formatting (strconv.FormatFloat) on top of JavaScript's, which rounds to the same digits.
 *
 * 'e', 'f' or 'g'; precision -1 is the shortest text that gives the value back. `alternate` keeps trailing zeros of 'g'.
 */
export function formatFloat(value: number, verb: 'e' | 'f' | 'g', precision: number, alternate = false): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const magnitude = Math.abs(value)
  switch (verb) {
    case 'e': return sign + exponential(magnitude, precision)
    case 'f': return sign + (precision < 0 ? plainDigits(magnitude) : fixed(magnitude, precision))
    case 'g': return sign + (precision < 0 ? shortest(magnitude) : general(magnitude, precision, alternate))
  }
}

/** The shortest text as Go's %v prints it: an exponent below 1e-4 and from 1e6 (`1e+06`). */
export function shortestFloat(value: number): string {
  return formatFloat(value, 'g', -1)
}

/** More digits than this JavaScript does not print; a float64 has no more than 17 that mean anything. */
const mostDigits = 100

/**
 * JavaScript rounds an exact tie up, Go to the even digit. `text` is JavaScript's rounding, `exact` the same number with
 * 100 decimals (a float64's tie is never longer); both begin with the same digits, but for the carry of the rounding.
 */
function evenTie(text: string, exact: string, decimals: number): string {
  if (decimals >= mostDigits) return text
  const cut = exact.indexOf('.') + 1 + decimals
  const rest = exact.slice(cut).replace(/e.*$/, '')
  if (!/^50*$/.test(rest)) return text
  const kept = exact.slice(0, decimals === 0 ? cut - 1 : cut)
  return '02468'.includes(kept.charAt(kept.length - 1)) ? kept + (/e.*$/.exec(text)?.[0] ?? '') : text
}

/** `toFixed` with Go's rounding; below 1e21. */
function roundFixed(magnitude: number, decimals: number): string {
  const digits = Math.min(decimals, mostDigits)
  return evenTie(magnitude.toFixed(digits), magnitude.toFixed(mostDigits), digits)
}

/** `toExponential` with Go's rounding. */
function roundExponential(magnitude: number, decimals: number): string {
  const digits = Math.min(decimals, mostDigits)
  const exact = magnitude.toExponential(mostDigits)
  const text = evenTie(magnitude.toExponential(digits), exact, digits)
  // A tie that stays below carries the exponent of the exact text, not that of the carry.
  return text.startsWith(exact.slice(0, text.indexOf('e'))) ? text.slice(0, text.indexOf('e')) + exact.slice(exact.indexOf('e')) : text
}

function exponential(magnitude: number, precision: number): string {
  const text = precision < 0 ? magnitude.toExponential() : roundExponential(magnitude, precision)
  const [mantissa = '0', exponent = '+0'] = text.split('e')
  return `${mantissa}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`
}

function fixed(magnitude: number, precision: number): string {
  // toFixed switches to an exponent from 1e21; such a value is whole, so its exact digits come from BigInt.
  if (magnitude < 1e21) return roundFixed(magnitude, precision)
  const whole = BigInt(magnitude).toString()
  return precision === 0 ? whole : `${whole}.${'0'.repeat(precision)}`
}

function shortest(magnitude: number): string {
  const exponent = magnitude === 0 ? 0 : Number(magnitude.toExponential().split('e')[1])
  return exponent < -4 || exponent >= 6 ? exponential(magnitude, -1) : plainDigits(magnitude)
}

function general(magnitude: number, precision: number, alternate: boolean): string {
  const digits = Math.min(Math.max(precision, 1), mostDigits)
  const rounded = roundExponential(magnitude, digits - 1)
  const [mantissa = '0', exponentText = '+0'] = rounded.split('e')
  const exponent = Number(exponentText)
  const trim = (text: string): string => (alternate || !text.includes('.') ? text : text.replace(/\.?0+$/, ''))
  // strconv: the threshold is the precision, or the digits there are when they already reach the decimal point.
  const significant = mantissa.replace('.', '').replace(/0+$/, '').length
  const threshold = digits > significant && significant >= exponent + 1 ? significant : digits
  if (exponent < -4 || exponent >= threshold) {
    const text = exponential(magnitude, digits - 1)
    return trim(mantissa) + text.slice(text.indexOf('e'))
  }
  return trim(roundFixed(magnitude, Math.max(digits - 1 - exponent, 0)))
}
