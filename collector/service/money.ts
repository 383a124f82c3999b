/**
 * Money without floating point: amounts are whole fen and shares of the contract sum whole parts per billion, both as
 * bigint. A bigint has no JSON form, so an amount that strays into a log line or a message fails there instead of being
 * told.
 */

/** 1 as parts per billion. */
export const WHOLE_PPB = 1_000_000_000n

/** `1000000`, `1000000.5`, `1000000.50` yuan as fen; undefined for anything else (signs, exponents, tenths of a fen). */
export function parseYuan(text: string): bigint | undefined {
  return parseScaled(text, 2)
}

/** A share of the sum, `0.0005`, as parts per billion, 0 to 1; undefined for anything else. */
export function parseShare(text: string): bigint | undefined {
  const ppb = parseScaled(text, 9)
  return ppb === undefined || ppb > WHOLE_PPB ? undefined : ppb
}

function parseScaled(text: string, digits: number): bigint | undefined {
  const match = new RegExp(`^(\\d{1,15})(?:\\.(\\d{1,${digits}}))?$`).exec(text)
  return match === null ? undefined : BigInt(`${match[1] ?? ''}${(match[2] ?? '').padEnd(digits, '0')}`)
}

/** `1,000,000.00`, without the unit. */
export function yuanText(fen: bigint): string {
  const whole = (fen / 100n).toString().replaceAll(/\B(?=(\d{3})+$)/g, ',')
  return `${whole}.${(fen % 100n).toString().padStart(2, '0')}`
}

/** `0.05%`. */
export function shareText(ppb: bigint): string {
  const fraction = (ppb % 10_000_000n).toString().padStart(7, '0').replace(/0+$/, '')
  return `${ppb / 10_000_000n}${fraction === '' ? '' : `.${fraction}`}%`
}

/** Divides amounts that are not negative, halves going up, as a cashier rounds. */
export function divideRounded(dividend: bigint, divisor: bigint): bigint {
  return (dividend * 2n + divisor) / (divisor * 2n)
}
