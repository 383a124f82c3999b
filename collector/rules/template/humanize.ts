import { formatFloat } from './float.ts'

/**
 * Prometheus's number-to-text functions (`template/template.go`, common `helpers/templates/time.go`), 4 significant
 * digits. All take the plain number; conversion from strings is the caller's.
 */
const LARGE = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']
const SMALL = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']
const BINARY = ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi']

function short(value: number): string {
  return formatFloat(value, 'g', 4)
}

/** 1234567 → `1.235M`, 0.00012 → `120u`. */
export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return short(value)
  return Math.abs(value) >= 1 ? scaleDown(value, LARGE, 1000) : scaleUp(value)
}

/** 123456 → `120.6ki`. */
export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return short(value)
  return scaleDown(value, BINARY, 1024)
}

/** Seconds: 93784.5 → `1d 2h 3m 4s`, 0.0025 → `2.5ms`. */
export function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return short(value)
  if (value === 0) return '0s'
  if (Math.abs(value) < 1) return `${scaleUp(value)}s`
  const sign = value < 0 ? '-' : ''
  const total = Math.abs(value)
  // Go's int64: what does not fit becomes the smallest one.
  const whole = total < 2 ** 63 ? BigInt(Math.trunc(total)) : -(2n ** 63n)
  const days = whole / 86_400n
  const hours = (whole / 3600n) % 24n
  const minutes = (whole / 60n) % 60n
  const seconds = whole % 60n
  if (days !== 0n) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`
  if (hours !== 0n) return `${sign}${hours}h ${minutes}m ${seconds}s`
  if (minutes !== 0n) return `${sign}${minutes}m ${seconds}s`
  return `${sign}${short(total)}s`
}

/** 0.1234 → `12.34%`. */
export function humanizePercentage(value: number): string {
  return `${short(value * 100)}%`
}

function scaleDown(value: number, prefixes: readonly string[], step: number): string {
  let scaled = value
  let prefix = ''
  for (const next of prefixes) {
    if (Math.abs(scaled) < step) break
    prefix = next
    scaled /= step
  }
  return short(scaled) + prefix
}

function scaleUp(value: number): string {
  let scaled = value
  let prefix = ''
  for (const next of SMALL) {
    if (Math.abs(scaled) >= 1) break
    prefix = next
    scaled *= 1000
  }
  return short(scaled) + prefix
}
