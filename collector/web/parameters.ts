/** Times and durations as Prometheus's API takes them. */
import { parseDuration } from '../promql/numbers.ts'

/** A parameter that is not what it must be: HTTP 400, `bad_data`. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError'
}

const secondsPattern = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/** RFC 3339 or seconds since the epoch (fractions allowed) as epoch milliseconds; `fallback` when it is missing. */
export function timeParameter(parameters: URLSearchParams, name: string, fallback?: number): number {
  const text = parameters.get(name)
  if (text === null || text === '') {
    if (fallback !== undefined) return fallback
    throw new ParameterError(`invalid parameter "${name}": cannot parse "" to a valid timestamp`)
  }
  const at = secondsPattern.test(text) ? Math.round(Number(text) * 1000) : rfc3339.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isFinite(at) || Math.abs(at) > 8.64e15) throw new ParameterError(`invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid timestamp`)
  return at
}

/** Seconds (fractions allowed) or `5m`, `1w`, `1h30m` as whole milliseconds. */
export function durationParameter(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name) ?? ''
  const ms = secondsPattern.test(text) ? Math.round(Number(text) * 1000) : parseDuration(text)
  if (typeof ms === 'string' || !Number.isFinite(ms)) throw new ParameterError(`invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid duration`)
  return ms
}
