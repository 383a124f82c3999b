/** Times and durations as Prometheus's API takes them. */
import { parseDurationMs } from '../../protocol/settings.ts'

/** A parameter that is not what it must be: HTTP 400, `bad_data`. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError'
}

/** RFC 3339 or seconds since the epoch (fractions allowed) as epoch milliseconds; `fallback` when it is missing. */
export function timeParameter(parameters: URLSearchParams, name: string, fallback?: number): number {
  const text = parameters.get(name)
  if (text === null || text === '') {
    if (fallback !== undefined) return fallback
    throw new ParameterError(`invalid parameter "${name}": cannot parse "" to a valid timestamp`)
  }
  const at = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Math.round(Number(text) * 1000) : /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isFinite(at) || Math.abs(at) > 8.64e15) throw new ParameterError(`invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid timestamp`)
  return at
}

/** Seconds (fractions allowed) or `5m` as milliseconds. */
export function durationParameter(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name) ?? ''
  const ms = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) * 1000 : parseDurationMs(text)
  if (ms === undefined || !Number.isFinite(ms)) throw new ParameterError(`invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid duration`)
  return ms
}
