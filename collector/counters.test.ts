import { describe, expect, it } from 'vitest'
import { METRIC_NAME } from '../protocol/series.ts'
import { createCounters } from './counters.ts'
import { selfSeries, storedSeries } from './self-series.ts'

const counterOf = (name: string): string => selfSeries.find((spec) => spec.name === name)!.name
const refusedName = counterOf('zhishou_refused_total')
const loopDelay = counterOf('zhishou_event_loop_delay_p99_seconds')

describe('the declared series', () => {
  it('are named once, as the field names them', () => {
    const names = [...selfSeries, ...storedSeries].map((spec) => spec.name)
    expect(new Set(names).size).toBe(names.length)
    for (const spec of [...selfSeries, ...storedSeries]) {
      expect(spec.name).toMatch(/^(zhishou_[a-z0-9_]+|up)$/)
      expect(spec.name.endsWith('_total')).toBe(spec.kind === 'counter')
      expect(spec.help).toMatch(/\.$/)
    }
  })
})

describe('createCounters', () => {
  it('counts by labels', async () => {
    const counters = createCounters({ defaults: false })
    counters.add(refusedName, { what: 'request', code: 'csrf' })
    counters.add(refusedName, { what: 'request', code: 'csrf' }, 2)
    counters.add(refusedName, { what: 'link', code: 'version' })
    expect(await counters.read(refusedName)).toEqual([
      { labels: { what: 'request', code: 'csrf' }, value: 3 },
      { labels: { what: 'link', code: 'version' }, value: 1 },
    ])
  })

  it('sets gauges', async () => {
    const counters = createCounters({ defaults: false })
    counters.set(loopDelay, 0.5)
    counters.set(loopDelay, 0.25)
    expect(await counters.read(loopDelay)).toEqual([{ labels: {}, value: 0.25 }])
  })

  it('refuses what is not declared, and to set a counter', () => {
    const counters = createCounters({ defaults: false })
    expect(() => counters.add('zhishou_unheard_of_total')).toThrow('metric zhishou_unheard_of_total is not declared in self-series.ts')
    expect(() => counters.set('zhishou_unheard_of', 1)).toThrow('is not declared')
    expect(() => counters.set(refusedName, 1, { what: 'a', code: 'b' })).toThrow('metric zhishou_refused_total is a counter')
    expect(() => counters.add(refusedName, { what: 'a', codes: 'b' })).toThrow()
  })

  it('says everything as Prometheus text, HELP and TYPE first', async () => {
    const counters = createCounters({ defaults: false })
    counters.add(refusedName, { what: 'request', code: 'csrf' })
    const text = await counters.text()
    for (const spec of selfSeries) expect(text).toContain(`# HELP ${spec.name} ${spec.help}\n# TYPE ${spec.name} ${spec.kind}\n`)
    expect(text).toContain('zhishou_refused_total{what="request",code="csrf"} 1\n')
    expect(text).not.toContain('nodejs_')
  })

  it("has Node's own figures where they are asked for, but never among the samples", async () => {
    const counters = createCounters({ defaults: true })
    expect(await counters.text()).toContain('nodejs_heap_size_used_bytes')
    expect((await counters.samples()).filter((one) => !one.labels[METRIC_NAME]!.startsWith('zhishou_'))).toEqual([])
  })

  it('gives its samples with the name among the labels', async () => {
    const counters = createCounters({ defaults: false })
    counters.add(refusedName, { what: 'request', code: 'csrf' })
    expect(await counters.samples()).toContainEqual({ labels: { [METRIC_NAME]: refusedName, what: 'request', code: 'csrf' }, value: 1 })
  })

  it('keeps two registries apart', async () => {
    const one = createCounters({ defaults: false })
    createCounters({ defaults: false }).add(refusedName, { what: 'a', code: 'b' })
    expect(await one.read(refusedName)).toEqual([])
  })
})
