/** What each PromQL function takes and gives (prometheus promql/parser/functions.go). */
import type { ValueType } from './syntax.ts'

export interface Signature {
  readonly args: readonly ValueType[]
  /** 0: exactly `args`; n: the last of `args` may be left out or stand up to n times; -1: any number of times. */
  readonly variadic: number
  readonly returns: ValueType
  /** Behind a feature flag in Prometheus: accepted only when the caller asks for it. */
  readonly experimental: boolean
}

function signature(returns: ValueType, args: readonly ValueType[], variadic = 0, experimental = false): Signature {
  return { args, variadic, returns, experimental }
}

/** The same signature under several names. */
function each(names: string, shape: Signature): readonly (readonly [string, Signature])[] {
  return names.split(' ').map((name) => [name, shape] as const)
}

const vector = signature('vector', ['vector'])
const matrix = signature('vector', ['matrix'])
const date = signature('vector', ['vector'], 1)

export const signatures: ReadonlyMap<string, Signature> = new Map([
  ...each('abs ceil floor exp sqrt ln log2 log10 sgn sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad', vector),
  ...each('absent sort sort_desc timestamp histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar', vector),
  ...each('minute hour day_of_week day_of_month day_of_year days_in_month month year', date),
  ...each('rate increase delta irate idelta deriv changes resets absent_over_time present_over_time', matrix),
  ...each('avg_over_time sum_over_time min_over_time max_over_time count_over_time stddev_over_time stdvar_over_time last_over_time', matrix),
  ...each('mad_over_time first_over_time ts_of_min_over_time ts_of_max_over_time ts_of_first_over_time ts_of_last_over_time',
    signature('vector', ['matrix'], 0, true)),
  ['quantile_over_time', signature('vector', ['scalar', 'matrix'])],
  ['predict_linear', signature('vector', ['matrix', 'scalar'])],
  ['double_exponential_smoothing', signature('vector', ['matrix', 'scalar', 'scalar'], 0, true)],
  ['clamp', signature('vector', ['vector', 'scalar', 'scalar'])],
  ['clamp_min', signature('vector', ['vector', 'scalar'])],
  ['clamp_max', signature('vector', ['vector', 'scalar'])],
  ['round', signature('vector', ['vector', 'scalar'], 1)],
  ['histogram_quantile', signature('vector', ['scalar', 'vector'])],
  ['histogram_quantiles', signature('vector', ['vector', 'string', 'scalar', 'scalar'], 9, true)],
  ['histogram_fraction', signature('vector', ['scalar', 'scalar', 'vector'])],
  ['label_replace', signature('vector', ['vector', 'string', 'string', 'string', 'string'])],
  ['label_join', signature('vector', ['vector', 'string', 'string', 'string'], -1)],
  ['sort_by_label', signature('vector', ['vector', 'string'], -1, true)],
  ['sort_by_label_desc', signature('vector', ['vector', 'string'], -1, true)],
  ['scalar', signature('scalar', ['vector'])],
  ['vector', signature('vector', ['scalar'])],
  ['time', signature('scalar', [])],
  ['pi', signature('scalar', [])],
  ...each('start end step range', signature('scalar', [], 0, true)),
  ...each('min_of max_of', signature('scalar', ['scalar', 'scalar'], 0, true)),
])

/** Aggregations that Prometheus keeps behind a feature flag. */
export const experimentalAggregators: ReadonlySet<string> = new Set(['limitk'])
