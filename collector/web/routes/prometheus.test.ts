import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { NOW, alert, ruleGroup, stubWeb } from '../../../test/web-dependencies.ts'
import { EvaluationError, ParseError } from '../../promql/errors.ts'
import type { Value } from '../../promql/value.ts'
import type { QueryDependencies, WebDependencies } from '../dependencies.ts'
import { ParameterError } from '../parameters.ts'
import { unescapedLabel } from './prometheus.ts'

interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: { status: string; data: unknown; errorType?: string; error?: string; warnings?: string[]; infos?: string[] }
}

/** Asks by bearer token; `init` as for fetch. */
async function ask(deps: Partial<WebDependencies>, path: string, init: RequestInit = {}): Promise<Reply> {
  const { web, failures } = stubWeb(deps)
  const response = await web.app.request(`http://127.0.0.1/api/v1${path}`, { ...init, headers: { authorization: 'Bearer bearer-reader', ...(init.headers as Record<string, string> | undefined) } })
  expect(failures).toEqual([])
  const bytes = Buffer.from(await response.arrayBuffer())
  const text = (response.headers.get('content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8')
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text) as Reply['json'] }
}

const notes = { warnings: [], infos: [] }
/** Query dependencies that answer `value`, and keep what they were asked. */
function asked(value: Value | (() => Value)) {
  const questions: unknown[][] = []
  const give = (...question: unknown[]): Value => {
    questions.push(question)
    return typeof value === 'function' ? value() : value
  }
  const query: QueryDependencies = { ...stubWeb().deps.query, instant: give, range: give }
  return { query, questions }
}
const form = (text: string): RequestInit => ({ method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: text })
const empty: Value = { kind: 'matrix', series: [], ...notes }

describe('answers', () => {
  it.each<[Value, string]>([
    [{ kind: 'scalar', atMs: 4_000, value: 2, ...notes }, '{"resultType":"scalar","result":[4,"2"]}'],
    [{ kind: 'scalar', atMs: 1_234, value: Infinity, ...notes }, '{"resultType":"scalar","result":[1.234,"+Inf"]}'],
    [{ kind: 'string', atMs: 4_500, value: 'a"b', ...notes }, '{"resultType":"string","result":[4.5,"a\\"b"]}'],
    [
      { kind: 'vector', atMs: 1_000, samples: [{ labels: { __name__: 'up', instance: 'b' }, value: Number.NaN }, { labels: { instance: 'a' }, value: -Infinity }], ...notes },
      '{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"b"},"value":[1,"NaN"]},{"metric":{"instance":"a"},"value":[1,"-Inf"]}]}',
    ],
    [{ kind: 'vector', atMs: 1_000, samples: [], ...notes }, '{"resultType":"vector","result":[]}'],
    [
      { kind: 'matrix', series: [{ labels: { a: '1' }, times: Float64Array.of(0, 15_001), values: Float64Array.of(0.1, 1e21) }], ...notes },
      '{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[0,"0.1"],[15.001,"1e+21"]]}]}',
    ],
  ])('$kind %#', async (value, data) => {
    const reply = await ask(asked(value), '/query?query=x')
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/json'])
    // Whole text: resultType stands before result.
    expect(reply.text).toBe(`{"status":"success","data":${data}}`)
  })

  it('hands warnings and infos on', async () => {
    const reply = await ask(asked({ kind: 'vector', atMs: 0, samples: [], warnings: ['PromQL warning: w (1:1)'], infos: ['PromQL info: i (1:1)'] }), '/query?query=x')
    expect(reply.json).toMatchObject({ warnings: ['PromQL warning: w (1:1)'], infos: ['PromQL info: i (1:1)'] })
  })

  it('is compressed when it is long and the client takes gzip', async () => {
    const long = asked({ kind: 'string', atMs: 0, value: 'x'.repeat(10_000), ...notes })
    const gzip = await ask(long, '/query?query=x', { headers: { 'accept-encoding': 'gzip, br' } })
    expect([gzip.headers.get('content-encoding'), gzip.headers.get('vary')]).toEqual(['gzip', 'accept-encoding'])
    expect(gzip.json.data).toEqual({ resultType: 'string', result: [0, 'x'.repeat(10_000)] })
    expect((await ask(long, '/query?query=x')).headers.get('content-encoding')).toBeNull()
    expect((await ask({}, '/query?query=x', { headers: { 'accept-encoding': 'gzip' } })).headers.get('content-encoding')).toBeNull()
  })
})

describe('questions', () => {
  it('takes the time as seconds, RFC 3339 or now', async () => {
    for (const [text, ms] of [['4', 4_000], ['4.5', 4_500], ['1e3', 1_000_000], ['-1', -1_000], ['1970-01-01T00:00:05Z', 5_000], ['1970-01-01T08:00:00.25%2B08:00', 250], ['', NOW]] as const) {
      const one = asked(empty)
      expect((await ask(one, `/query?query=x&time=${text}`)).status).toBe(200)
      expect(one.questions).toEqual([['x', ms]])
    }
  })

  it.each(['x', 'NaN', 'Inf', '1e400', '2026-11-22', '2026-11-22T08:00:00', '2026-13-22T08:00:00Z', '9e15', '0x10'])('refuses the time %s', async (time) => {
    const reply = await ask({}, `/query?query=x&time=${time}`)
    expect([reply.status, reply.json]).toEqual([400, { status: 'error', errorType: 'bad_data', error: `invalid parameter "time": cannot parse "${time}" to a valid timestamp` }])
  })

  it('takes a step as seconds or a duration', async () => {
    for (const [step, ms] of [['15', 15_000], ['0.5', 500], ['5m', 300_000], ['1h30m', 5_400_000], ['1w', 604_800_000]] as const) {
      const one = asked(empty)
      expect((await ask(one, `/query_range?query=x&start=0&end=10&step=${step}`)).status).toBe(200)
      expect(one.questions).toEqual([['x', 0, 10_000, ms]])
    }
  })

  it.each([
    ['query=x&end=1&step=1', 'invalid parameter "start": cannot parse "" to a valid timestamp'],
    ['query=x&start=0&step=1', 'invalid parameter "end": cannot parse "" to a valid timestamp'],
    ['query=x&start=0&end=1', 'invalid parameter "step": cannot parse "" to a valid duration'],
    ['query=x&start=0&end=1&step=5x', 'invalid parameter "step": cannot parse "5x" to a valid duration'],
    ['query=x&start=0&end=1&step=0', 'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer'],
    ['query=x&start=0&end=1&step=-1', 'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer'],
    ['query=x&start=0&end=1&step=0.0001', 'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer'],
    ['query=x&start=2&end=1&step=1', 'invalid parameter "end": end timestamp must not be before start time'],
    ['query=x&start=0&end=11001&step=1', 'exceeded maximum resolution of 11000 points per timeseries. Try decreasing the query resolution (?step=XX)'],
    ['start=0&end=1&step=1', 'invalid parameter "query": missing'],
  ])('a range of %s is refused', async (query, error) => {
    const reply = await ask({}, `/query_range?${query}`)
    expect([reply.status, reply.json]).toEqual([400, { status: 'error', errorType: 'bad_data', error }])
  })

  it('11,000 steps are taken', async () => {
    const one = asked(empty)
    expect((await ask(one, '/query_range?query=x&start=0&end=11000&step=1')).status).toBe(200)
    expect(one.questions).toHaveLength(1)
  })

  it('merges a form with the URL; the form wins, and a body that is no form is left alone', async () => {
    const one = asked(empty)
    await ask(one, '/query?time=7', form('query=x'))
    await ask(one, '/query?query=url&time=7', form('query=form'))
    await ask(one, '/query?query=url&time=7', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '' })
    await ask(one, '/query?query=url&time=7', { method: 'POST', headers: { 'content-type': 'Application/X-WWW-Form-Urlencoded; charset=utf-8' }, body: 'query=form' })
    expect(one.questions).toEqual([['x', 7_000], ['form', 7_000], ['url', 7_000], ['form', 7_000]])
  })

  it('ignores parameters it does not know', async () => {
    expect((await ask({}, '/query?query=x&stats=all&timeout=30s&lookback_delta=5m&dedup=true')).status).toBe(200)
  })
})

describe('errors', () => {
  it('of the text are 400 bad_data with its position', async () => {
    const reply = await ask(asked(() => {
      throw new ParseError('up{', 3, 3, 'unexpected end of input')
    }), '/query?query=up%7B')
    expect([reply.status, reply.json]).toEqual([400, { status: 'error', errorType: 'bad_data', error: '1:4: parse error: unexpected end of input' }])
  })

  it.each(['execution', 'limit'] as const)('of evaluation (%s) are 422 execution', async (kind) => {
    const reply = await ask(asked(() => {
      throw new EvaluationError(kind, 'too many samples')
    }), '/query?query=x')
    expect([reply.status, reply.json]).toEqual([422, { status: 'error', errorType: 'execution', error: 'too many samples' }])
  })

  it('nobody foresaw are 500', async () => {
    const { web, failures } = stubWeb(asked(() => {
      throw new TypeError('a bug')
    }))
    const response = await web.app.request('http://127.0.0.1/api/v1/query?query=x', { headers: { authorization: 'Bearer bearer-reader' } })
    expect([response.status, failures.length]).toEqual([500, 1])
  })
})

describe('labels and series', () => {
  it('names and values, by GET and by form, up to the limit', async () => {
    expect((await ask({}, '/labels')).json.data).toEqual(['__name__', 'instance', 'job'])
    expect((await ask({}, '/labels', form('limit=2'))).json.data).toEqual(['__name__', 'instance'])
    expect((await ask({}, '/labels?limit=0')).json.data).toHaveLength(3)
    expect((await ask({}, '/labels?limit=x')).json).toMatchObject({ errorType: 'bad_data', error: expect.stringContaining('"limit"') })
    expect((await ask({}, '/label/job/values?match[]=up&match[]=down&start=1&end=2')).json.data).toEqual(['job', 'up', 'down'])
    expect((await ask({}, '/series?match[]=up')).json.data).toEqual([{ __name__: 'up', instance: 'web-01' }, { __name__: 'up', instance: 'web-02' }])
    expect((await ask({}, '/series?limit=1', form('match[]=up'))).json.data).toHaveLength(1)
  })

  it('series need a match[]; one that is no selector is bad_data', async () => {
    expect((await ask({}, '/series')).json).toEqual({ status: 'error', errorType: 'bad_data', error: 'no match[] parameter provided' })
    const refuse = (): never => {
      throw new ParameterError('invalid parameter "match[]": 1 + 1 is no series selector')
    }
    const reply = await ask({ query: { ...stubWeb().deps.query, series: refuse } }, '/series?match[]=1%2B1')
    expect([reply.status, reply.json.errorType]).toEqual([400, 'bad_data'])
  })

  it.each([
    ['job', 'job'],
    ['U__foo_2e_bar', 'foo.bar'],
    ['U__foo__bar', 'foo_bar'],
    ['U___4e3b__673a_', '主机'],
    ['U___1F600_', '😀'],
    ['U__', ''],
    // Not well formed: left as they are.
    ['U__foo_bar', 'U__foo_bar'],
    ['U__foo_zz_', 'U__foo_zz_'],
    ['U___ffffff_', 'U___ffffff_'],
    ['U___d800_', 'U___d800_'],
    ['U__foo_', 'U__foo_'],
    ['u__foo__bar', 'u__foo__bar'],
  ])('label name %s is %s', (escaped, name) => expect(unescapedLabel(escaped)).toBe(name))
})

describe('rules and alerts', () => {
  it('groups have what Grafana and promtool read', async () => {
    const { groups } = (await ask({}, '/rules')).json.data as { groups: Record<string, unknown>[] }
    expect(groups).toEqual([
      {
        name: 'host', file: 'host.yml', interval: 15, limit: 0, evaluationTime: 0.002, lastEvaluation: '2026-11-22T07:59:59.000Z',
        rules: [
          {
            type: 'alerting', name: 'HostDown', query: 'up == 0', state: 'firing', duration: 0, keepFiringFor: 60, health: 'ok', evaluationTime: 0.001, lastEvaluation: '2026-11-22T07:59:59.000Z',
            labels: { severity: 'critical' }, annotations: { summary: '{{ $labels.instance }} 失联' },
            alerts: [{ labels: alert.labels, annotations: { summary: alert.summary, description: alert.description, action: alert.action }, state: 'firing', activeAt: '2026-11-22T07:59:00.000Z', value: '7.5e+00' }],
          },
          { type: 'recording', name: 'instance:up:sum', query: 'sum by (instance) (up)', labels: {}, health: 'err', lastError: 'many-to-many matching', evaluationTime: 0, lastEvaluation: '0001-01-01T00:00:00Z' },
        ],
      },
    ])
  })

  it.each([[['pending'], 'pending'], [['pending', 'firing'], 'firing'], [['resolved'], 'inactive'], [[], 'inactive']] as const)('alerts %j make the rule %s', async (states, state) => {
    const deps = { alerts: () => states.map((one) => ({ ...alert, state: one })), rules: () => [ruleGroup] }
    const { groups } = (await ask(deps, '/rules')).json.data as { groups: { rules: { state?: string; alerts?: unknown[] }[] }[] }
    expect(groups[0]!.rules[0]!.state).toBe(state)
    expect(groups[0]!.rules[0]!.alerts).toHaveLength(states.filter((one) => one !== 'resolved').length)
    expect(((await ask(deps, '/alerts')).json.data as { alerts: unknown[] }).alerts).toHaveLength(states.filter((one) => one !== 'resolved').length)
  })

  it.each([[0, '0e+00'], [123_456, '1.23456e+05'], [1e-7, '1e-07'], [1e100, '1e+100'], [-2, '-2e+00'], [null, 'NaN']])('the value %s is printed as Go does: %s', async (value, text) => {
    const { alerts } = (await ask({ alerts: () => [{ ...alert, value }] }, '/alerts')).json.data as { alerts: { value: string }[] }
    expect(alerts[0]!.value).toBe(text)
  })
})

describe('what Grafana asks at first', () => {
  it('build information, metadata and exemplars are there', async () => {
    expect((await ask({}, '/status/buildinfo')).json.data).toEqual({ version: expect.stringMatching(/^3\.\d+\.\d+$/), application: 'zhishou', applicationVersion: '9.9.9' })
    expect((await ask({}, '/metadata?limit=10')).json).toEqual({ status: 'success', data: {} })
    expect((await ask({}, '/query_exemplars?query=test&start=1795334400000&end=1795334460000')).json).toEqual({ status: 'success', data: [] })
    expect((await ask({}, '/query_exemplars', form('query=test'))).json.data).toEqual([])
  })
})

