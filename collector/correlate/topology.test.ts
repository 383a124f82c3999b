import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, seed } from '../../test/scale.ts'
import { correlate, explains } from './cut.ts'
import type { Symptom } from './cut.ts'
import { incidentSubject } from './key.ts'
import { parseTopology } from './topology-file.ts'
import { servicesOn, topologySamples } from './topology.ts'

const MINUTE = 60_000
const shipped = readFileSync(new URL('../../alerts/topology.yml', import.meta.url), 'utf8')
const alert = (fingerprint: string, labels: Record<string, string>, startedAt = 0): Symptom => ({ fingerprint, labels, startedAt })
const down = (kind: 'host' | 'device' | 'link', id: string, startedAt = 0): Symptom => alert(id, { fault: `${kind}-down`, [kind === 'link' ? 'link' : 'instance']: id }, startedAt)
const topologyOf = (...lines: string[]) => parseTopology(lines.join('\n'), 't.yml')
const hidden = (topology: ReturnType<typeof topologyOf>, ...alerts: Symptom[]): Record<string, string> => Object.fromEntries(correlate(alerts, topology, 60 * MINUTE))

const chain = topologyOf(
  'hosts:', '  - { id: h1, title: 机, behind: [sw] }', '  - { id: h2, title: 机, district: d }',
  'devices:', "  - { id: sw, title: 交换机, district: d, instances: ['10.0.0.1:161'] }",
  'links:', '  - { id: l1, title: 链路, from: center, to: d }',
  'districts:', '  - { id: d, title: 区 }',
)

describe('correlate', () => {
  it('hides what lies behind, down the whole chain, and names the outermost cause', () => {
    expect(hidden(chain, down('link', 'l1'), down('device', 'sw'), down('host', 'h1'), down('host', 'h2'))).toEqual({ sw: 'l1', h1: 'l1', h2: 'l1' })
    expect(hidden(chain, down('device', 'sw'), down('host', 'h1'), down('host', 'h2'))).toEqual({ h1: 'sw' })
    expect(hidden(chain, down('host', 'h1'), down('host', 'h2'))).toEqual({})
  })

  it('explains only classes that a cut can cause, or all of them where the object says so', () => {
    const disk = alert('disk', { fault: 'filesystem-full', instance: 'h1' })
    expect(hidden(chain, down('link', 'l1'), disk, alert('p', { fault: 'probe-failed', instance: 'h1' }))).toEqual({ p: 'l1' })
    const all = topologyOf('hosts: [{ id: h1, title: 机, behind: [l1] }]', "links: [{ id: l1, title: 链, from: center, to: h1, hides: ['*'] }]")
    expect(hidden(all, down('link', 'l1'), disk)).toEqual({ disk: 'l1' })
    expect([explains(['down'], 'host-down'), explains(['down'], 'countdown'), explains(['*'], 'x'), explains(['down'], '')]).toEqual([true, false, true, false])
  })

  it('leaves alone what started before the cut by more than the slack', () => {
    const at = (minutes: number): Record<string, string> => hidden(chain, down('link', 'l1', 30 * MINUTE), down('host', 'h2', minutes * MINUTE))
    expect([at(24), at(25), at(30), at(50)]).toEqual([{}, { h2: 'l1' }, { h2: 'l1' }, { h2: 'l1' }])
    // A switch that had failed long before stays a fault of its own, and what is behind it stays its effect.
    expect(hidden(chain, down('link', 'l1', 30 * MINUTE), down('device', 'sw', MINUTE), down('host', 'h1', MINUTE))).toEqual({ h1: 'sw' })
  })

  it('hides by redundant ways only when all are cut, since the last one went, by its cause', () => {
    const two = topologyOf('hosts: [{ id: h, title: 机 }]', 'links:', '  - { id: a, title: 主, from: center, to: h }', '  - { id: b, title: 备, from: center, to: h }')
    expect(hidden(two, down('link', 'a'), down('host', 'h'))).toEqual({})
    expect(hidden(two, down('link', 'a', MINUTE), down('link', 'b', 20 * MINUTE), down('host', 'h', 20 * MINUTE))).toEqual({ h: 'b' })
    expect(hidden(two, down('link', 'a', MINUTE), down('link', 'b', 20 * MINUTE), down('host', 'h', 2 * MINUTE))).toEqual({})
    const explicit = topologyOf('hosts: [{ id: h, title: 机, behind: [[x, y], z] }]', 'devices: [{ id: x, title: x }, { id: y, title: y }, { id: z, title: z }]')
    expect(hidden(explicit, down('device', 'x'), down('host', 'h'))).toEqual({})
    expect(hidden(explicit, down('device', 'z'), down('host', 'h'))).toEqual({ h: 'z' })
    expect(hidden(explicit, down('device', 'x'), down('device', 'y', 1), down('host', 'h', 1))).toEqual({ h: 'y' })
  })

  it('knows an object by its cause, its instances, its district; and takes the two ends of a link as one', () => {
    expect(hidden(chain, down('device', 'sw'), alert('p', { fault: 'probe-failed', instance: '10.0.0.1:161' }))).toEqual({ p: 'sw' })
    expect(hidden(chain, down('link', 'l1'), alert('new', { fault: 'host-down', instance: 'unheard-of', district: 'd' }))).toEqual({ new: 'l1' })
    const ports = topologyOf('hosts: [{ id: h, title: 机 }]', 'links:', '  - { id: l, title: 链, from: center, to: h, cause: [{ fault: network-link, instance: [s1, s2], device: ge1 }] }')
    const near = { fault: 'network-link', instance: 's1', device: 'ge1' }
    expect(hidden(ports, alert('near', near), down('host', 'h'))).toEqual({ h: 'near' })
    expect(hidden(ports, alert('other', { ...near, device: 'ge2' }), down('host', 'h'))).toEqual({})
    expect(incidentSubject(near, ports.objectOf(near))).toMatchObject({ service: 'network', instance: 'l', part: '' })
    expect(incidentSubject({ ...near, instance: 's2' }, ports.objectOf({ ...near, instance: 's2' })).key).toBe(incidentSubject(near, ports.objectOf(near)).key)
  })

  it('takes the first of several alerts of one failure as its cause, whatever their order', () => {
    const twice = [alert('x', { fault: 'link-down', link: 'l1', instance: 'a' }, 5), alert('w', { fault: 'link-down', link: 'l1', instance: 'b' }, 5), down('host', 'h2', 9)]
    expect(hidden(chain, ...twice)).toEqual({ x: 'w', h2: 'w' })
    expect(hidden(chain, ...twice.toReversed())).toEqual({ x: 'w', h2: 'w' })
  })

  it('a cause is never hidden itself, an order of alerts never matters, and without its cause everything stands for itself', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'] as const
    // Each object is behind some of those before it: never a ring.
    const graph = fc.tuple(...ids.map((_, index) => fc.array(fc.array(fc.integer({ min: 0, max: Math.max(0, index - 1) }), { minLength: 1, maxLength: 2 }), { maxLength: index === 0 ? 0 : 2 })))
    const firing = fc.array(fc.tuple(fc.constantFrom(...ids), fc.integer({ min: 0, max: 20 })), { maxLength: 8 })
    fc.assert(fc.property(graph, firing, (behind, list) => {
      const topology = topologyOf('devices:', ...ids.map((id, index) => `  - { id: ${id}, title: x, behind: [${behind[index]!.map((ways) => `[${ways.map((way) => ids[way]).join(', ')}]`).join(', ')}] }`))
      const alerts = list.map(([id, minutes], index) => ({ ...down('device', id, minutes * MINUTE), fingerprint: `${id}${index}` }))
      const found = correlate(alerts, topology, 60 * MINUTE)
      for (const [fingerprint, cause] of found) {
        expect(found.has(cause)).toBe(false)
        expect(fingerprint).not.toBe(cause)
        expect(alerts.some((one) => one.fingerprint === cause)).toBe(true)
      }
      expect([...correlate(alerts.toReversed(), topology, 60 * MINUTE)].sort()).toEqual([...found].sort())
      expect(correlate([], topology, 0).size).toBe(0)
    }), { seed, numRuns: scaled(300, 10_000) })
  })

  it('takes ten thousand alerts of five hundred hosts behind one link in well under 100 ms', () => {
    const hosts = Array.from({ length: 500 }, (_, index) => `  - { id: h${index}, title: 机, district: d }`)
    const topology = topologyOf('hosts:', ...hosts, "links: [{ id: l, title: 链, from: center, to: d, hides: ['*'] }]", 'districts: [{ id: d, title: 区 }]')
    const storm = [down('link', 'l'), ...Array.from({ length: 10_000 }, (_, index) => alert(`f${index}`, { fault: `fault${Math.floor(index / 500)}`, instance: `h${index % 500}`, severity: 'critical', job: 'node' }))]
    const cpu = process.cpuUsage()
    expect(correlate(storm, topology, 1).size).toBe(10_000)
    const { user, system } = process.cpuUsage(cpu)
    expect((user + system) / 1_000).toBeLessThan(100)
  })
})

describe('alerts/topology.yml', () => {
  it('is read whole, and gives the members of each service', () => {
    const topology = parseTopology(shipped, 'topology.yml')
    expect(topology.services.map((service) => service.id)).toEqual(['business', 'portal', 'exchange', 'security', 'asr', 'sms', 'video'])
    expect(topology.objects.get('district-01')!.behind).toEqual([['link-01-a', 'link-01-b']])
    expect(topologySamples(topology).filter((one) => one.labels['instance'] === 'db-01').map((one) => one.labels['service'])).toEqual(['business', 'exchange'])
    expect(servicesOn(topology, 'db-01')).toEqual(['business', 'exchange'])
    expect(servicesOn(topology, 'nobody')).toEqual([])
    expect(topologySamples(topologyOf('services: [{ id: asr, title: 语音, criticality: low, members: [d] }]', 'hosts: [{ id: h, title: 机, district: d }]', 'districts: [{ id: d, title: 区 }]'))).toEqual([
      { labels: { __name__: 'zhishou_service_member', service: 'asr', instance: 'h' }, value: 1 },
    ])
  })

  it.each([
    ['an unknown key', 'hosts: [{ id: a, title: x, behnd: [b] }]', 't.yml: hosts.0.behnd: unknown key, did you mean behind?'],
    ['a service nobody has', 'services: [{ id: mail, title: x, criticality: high }]', 't.yml: services.0.id: expected one of business, portal'],
    ['an unknown member', 'services: [{ id: asr, title: x, criticality: low, members: [asr-1] }]\nhosts: [{ id: asr-01, title: x }]', 't.yml: services.0.members.0: expected the id of a declared object, got "asr-1", did you mean asr-01?'],
    ['an unknown way', 'hosts: [{ id: a, title: x, behind: [[b, c]] }, { id: b, title: x }]', 't.yml: hosts.0.behind.0.1: expected the id of a declared object, got "c"'],
    ['a district that is none', 'hosts: [{ id: a, title: x, district: b }, { id: b, title: x }]', 't.yml: hosts.0.district: expected the id of a district, got "b"'],
    ['a link from nowhere', 'links: [{ id: the-link, title: x, from: aa, to: bb }]', 't.yml: links.0.from: expected the id of a declared object, got "aa"\nt.yml: links.0.to: expected'],
    ['two of one id', 'hosts: [{ id: a, title: x }]\ndevices: [{ id: a, title: x }]', 't.yml: devices.0.id: expected an id of its own, hosts.0.id has the same'],
    ['one instance of two', 'devices: [{ id: a, title: x, instances: [i] }, { id: b, title: x, instances: [i] }]', 't.yml: devices.0.instances.0: expected an instance of one object only, got "i"'],
    ['a ring', 'devices: [{ id: a, title: x, behind: [c] }, { id: b, title: x, behind: [a] }, { id: c, title: x, behind: [b] }]', 't.yml: devices.0: expected no object behind itself, found a → c → b → a'],
    ['a duration without unit', 'slack: 5', 't.yml: slack: expected a text, got 5'],
    ['a cause of nothing', 'hosts: [{ id: a, title: x, cause: [{}] }]', 't.yml: hosts.0.cause.0: expected at least one label'],
    ['the place of the monitoring', 'hosts: [{ id: center, title: x }]', 't.yml: hosts.0.id: expected another id'],
    ['broken YAML', 'hosts: [', 't.yml: '],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseTopology(text, 't.yml')).toThrow(message)
  })
})
