import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seed } from '../../test/scale.ts'
import { incidentSubject } from './key.ts'

describe('incidentSubject', () => {
  it('puts level and prediction rules of one fault on one object together', () => {
    const level = incidentSubject({ alertname: 'HostFilesystemFull', fault: 'filesystem-space', instance: 'web-01', mountpoint: '/data', device: '/dev/sda1', severity: 'critical' })
    const prediction = incidentSubject({ alertname: 'HostFilesystemFillsSoon', fault: 'filesystem-space', instance: 'web-01', mountpoint: '/data', severity: 'warning' })
    expect(level).toEqual(prediction)
    expect(level).toMatchObject({ service: 'host', instance: 'web-01', part: 'mountpoint=/data', fault: 'filesystem-space' })
  })

  it.each([
    ['another host', { instance: 'web-02' }],
    ['another mount point', { mountpoint: '/' }],
    ['another fault', { fault: 'filesystem-inodes' }],
    ['another service', { system: 'portal' }],
  ])('keeps %s apart', (_, change) => {
    const labels = { alertname: 'A', fault: 'filesystem-space', instance: 'web-01', mountpoint: '/data' }
    expect(incidentSubject({ ...labels, ...change }).key).not.toBe(incidentSubject(labels).key)
  })

  it('falls back to the name of the alert, and treats an empty label as missing', () => {
    expect(incidentSubject({ alertname: 'HostDown', instance: 'a', system: '', device: '', unit: 'sshd.service' }))
      .toMatchObject({ service: 'host', fault: 'HostDown', part: 'unit=sshd.service' })
    expect(incidentSubject({})).toMatchObject({ service: 'host', instance: '', part: '', fault: '' })
  })

  it('is of the services that stand on the instance, where no label says; the key does not change with them', () => {
    const labels = { alertname: 'A', instance: 'vm' }
    const of = (given: Record<string, string>, ...standing: string[]) => incidentSubject(given, undefined, standing).service
    expect([of(labels), of(labels, 'business'), of(labels, 'business', 'portal'), of({ ...labels, system: 'sms' }, 'business'), of({ ...labels, system: '' }, 'business')]).toEqual(['host', 'business', 'business,portal', 'sms', 'business'])
    expect(incidentSubject(labels, { kind: 'link', id: 'l' }, ['business']).service).toBe('network')
    expect(incidentSubject(labels, undefined, ['business']).key).toBe(incidentSubject(labels).key)
  })

  it('never confuses two subjects, whatever the values hold', () => {
    const value = fc.string({ unit: fc.constantFrom('a', '"', ',', '[', ']', '=', '\\', '|', '/') })
    // The same text cut at two places is what a joined key would confuse.
    fc.assert(fc.property(value, value, value, fc.constantFrom('|', ',', '","', '=', '/', '\u00ff'), (a, b, c, separator) => {
      const left = incidentSubject({ system: `x${a}${separator}${b}`, instance: c, fault: 'f' })
      const right = incidentSubject({ system: `x${a}`, instance: `${b}${separator}${c}`, fault: 'f' })
      expect(left.key === right.key).toBe(false)
      const part = incidentSubject({ instance: a, mountpoint: `m${b}${separator}${c}`, fault: 'f' })
      const fault = incidentSubject({ instance: a, mountpoint: `m${b}`, fault: `${c}${separator}f` })
      expect(part.key === fault.key).toBe(false)
    }), { seed })
  })
})
