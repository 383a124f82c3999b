import { METRIC_NAME } from '../../protocol/series.ts'
import type { Labels } from '../../protocol/series.ts'
import { parse } from '../promql/parse.ts'
import { parseNumber } from '../promql/numbers.ts'

/** One place of a series: a value, a stale mark, or nothing (`_`). */
export type Place = number | 'stale' | 'none'

/** Most values one series of a test file may have: a slip like `0x9999999999` must not eat the memory. */
const mostValues = 2_000_000

/**
 * The values of a promtool input series: `1 2+3x4 5-1x3 _ _x3 stale 7x2 NaN Inf`. `a+bxn` is n + 1 values.
 * Format: promtool unit tests (promql/parser series descriptions). Throws an Error naming the item that is wrong.
 */
export function parseValues(text: string): readonly Place[] {
  const places: Place[] = []
  for (const item of text.trim().split(/\s+/)) {
    if (item === '') continue
    appendItem(places, item)
    if (places.length > mostValues) throw new Error(`series has more than ${mostValues} values`)
  }
  return places
}

/** `0x16` is 0 seventeen times, never a hexadecimal number. */
function appendItem(places: Place[], item: string): void {
  const blank = /^(_|stale)(?:x(\d+))?$/.exec(item)
  if (blank !== null) {
    const count = Number(blank[2] ?? 1)
    checkCount(count, item)
    for (let index = 0; index < count; index++) places.push(blank[1] === '_' ? 'none' : 'stale')
    return
  }
  const match = /^([+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf|[nN]a[nN]|NAN|INF))(?:([+-](?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf|[nN]a[nN])))?(?:x(\d+))?$/.exec(item)
  const start = parseNumber(match?.[1] ?? '')
  if (match === null || start === undefined) throw new Error(`cannot read the value ${JSON.stringify(item)}`)
  const step = match[2] === undefined ? 0 : parseNumber(match[2])
  if (step === undefined || (match[2] !== undefined && match[3] === undefined)) throw new Error(`cannot read the value ${JSON.stringify(item)}`)
  const count = Number(match[3] ?? 0)
  checkCount(count, item)
  // As promtool: each value is the one before plus the step, rounding and all.
  let value = start
  places.push(value)
  for (let index = 0; index < count; index++) {
    value += step
    places.push(value)
  }
}

function checkCount(count: number, item: string): void {
  if (count > mostValues) throw new Error(`${JSON.stringify(item)} repeats more than ${mostValues} times`)
}

/** The label set of `name{a="b"}` or `{a="b"}`. Throws an Error (or ParseError) when it is no plain series. */
export function parseSeriesName(text: string): Labels {
  const trimmed = text.trim()
  if (trimmed === '{}' || trimmed === '') return {}
  const expr = parse(trimmed)
  if (expr.kind !== 'vector' || expr.offsetMs !== 0 || expr.at !== undefined) throw new Error(`${JSON.stringify(text)} names no series`)
  const labels: Record<string, string> = {}
  for (const { name, op, value } of expr.matchers) {
    if (op !== '=') throw new Error(`${JSON.stringify(text)}: a series has only = in its braces`)
    if (value !== '') labels[name] = value
  }
  const { [METRIC_NAME]: name, ...rest } = labels
  return name === undefined ? rest : { [METRIC_NAME]: name, ...rest }
}
