/** What counts as watched, over samples of agents, of the collector itself and of rules. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Labels } from '../../protocol/series.ts'
import { parseTopology } from '../correlate/topology-file.ts'
import type { SeriesSamples } from '../store/store.ts'
import { QUIET_MS, watchedServices } from './watched.ts'

const topology = parseTopology(
  `services:
  - { id: portal, title: 平台, criticality: high, members: [web-01, fw-01] }
  - { id: sms, title: 短信, criticality: low, members: [] }
  - { id: video, title: 视频, criticality: low, members: [district-01] }
hosts: [{ id: web-01, title: 前端, instances: ['web-01:9100'] }]
devices: [{ id: fw-01, title: 防火墙 }, { id: mcu-01, title: 会议, district: district-01 }]
districts: [{ id: district-01, title: 示例区01 }]
`,
  'topology.yml',
)
const NOW = 10_000_000
let samples: { labels: Labels; at: number; stale?: boolean }[] = []
beforeEach(() => {
  samples = []
})

function states(heard: readonly string[] = [], startedAt = 0): Record<string, string> {
  const found = (matchers: Parameters<Parameters<typeof watchedServices>[0]['store']['series']>[0]) => samples.filter(({ labels }) => matchers.every((one) => one.matches(labels[one.name] ?? '')))
  const store = {
    series: (matchers: Parameters<typeof found>[0]) => found(matchers).map((one) => one.labels),
    select: (matchers: Parameters<typeof found>[0], from: number, to: number): readonly SeriesSamples[] =>
      found(matchers).filter(({ at }) => from <= at && at <= to).map(({ labels, at, stale }) => ({ labels, times: Float64Array.of(at), values: Float64Array.of(1), stale: stale === true ? Uint8Array.of(1) : undefined })),
  }
  const list = watchedServices({ topology, services: ['portal', 'sms', 'video', 'asr'], heard: new Set(heard), store, startedAt, now: NOW })
  return Object.fromEntries(list.flatMap(({ service, members }) => members.map(({ object, state }) => [`${service}/${object}`, state.kind === 'measured' ? 'measured' : `since ${state.since}`])))
}

describe('what is watched', () => {
  it('is nothing where no agent has reported: each machine by itself, a service without machines by its own name', () => {
    expect(states()).toEqual({ 'portal/web-01': `since ${NOW}`, 'portal/fw-01': `since ${NOW}`, 'sms/': `since ${NOW}`, 'video/mcu-01': `since ${NOW}`, 'asr/': `since ${NOW}` })
  })

  it('an agent that was ever heard watches its machine; a poller by what it reports of a device, a probe by the service', () => {
    samples = [{ labels: { __name__: 'ifHCInOctets', instance: 'fw-01', job: 'snmp' }, at: NOW - 1 }, { labels: { __name__: 'probe_success', system: 'sms' }, at: NOW - 1 }]
    expect(states(['web-01:9100'])).toMatchObject({ 'portal/web-01': 'measured', 'portal/fw-01': 'measured', 'sms/': 'measured', 'asr/': `since ${NOW}` })
  })

  it('what the collector says itself, of its agents or by its rules, is nobody\'s report', () => {
    samples = ['up', 'zhishou_agent_last_heartbeat_timestamp_seconds', 'ALERTS', 'instance:load:rate5m'].map((name) => ({ labels: { __name__: name, instance: 'fw-01' }, at: NOW - 1 }))
    expect(states()).toMatchObject({ 'portal/fw-01': `since ${NOW}` })
  })

  it('a device of which nothing comes any more is lost since its last chance to report; just after a start it is not', () => {
    samples = [{ labels: { __name__: 'ifHCInOctets', instance: 'fw-01' }, at: NOW - QUIET_MS - 1 }]
    expect(states()).toMatchObject({ 'portal/fw-01': `since ${NOW - QUIET_MS}` })
    expect(states([], NOW - QUIET_MS + 1)).toMatchObject({ 'portal/fw-01': 'measured' })
    samples = [{ labels: { __name__: 'ifHCInOctets', instance: 'fw-01' }, at: NOW - 1, stale: true }]
    expect(states()).toMatchObject({ 'portal/fw-01': `since ${NOW - QUIET_MS}` })
  })
})
