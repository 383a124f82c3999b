import { describe, expect, it } from 'vitest'
import type { AlertFacts, LiveEvent, OpeningEvent } from '../incidents/event.ts'
import type { Incident } from '../incidents/incident.ts'
import { open, step } from '../incidents/step.ts'
import { REPORTED, createSpeakers, reportOfIncident } from './incident-alert.ts'
import { fingerprintOf } from './label-set.ts'

const MINUTE = 60_000
const profile = { name: 'standard', title: '标准', origin: '测试', respondMs: 60 * MINUTE, disposeMs: 120 * MINUTE, recoverMs: 1_440 * MINUTE, reopenWithinMs: 30 * MINUTE }
const facts = (fingerprint: string, severity: AlertFacts['severity'] = 'warning', labels: Record<string, string> = {}): AlertFacts => ({
  fingerprint, name: 'DiskFull', labels: { alertname: 'DiskFull', instance: 'h1', severity, sla: 'gold', system: '', mountpoint: '/', ...labels }, severity, summary: `${fingerprint} 满了`, description: '97%', action: '清理', value: 1, activeAt: 0, startedAt: 0,
})
const subject = (id: number) => ({ id, number: `F-${id}`, key: `k${id}`, service: 'portal', instance: 'h1', part: '', fault: 'disk', profile })
const opened = (id = 1, severity: AlertFacts['severity'] = 'warning'): Incident => open({ type: 'open', ...subject(id), alert: facts(`a${id}`, severity) }, MINUTE).incident
const byHand = (): Incident => open({ type: 'open-by-hand', ...subject(9), severity: 'warning', title: '网页打不开', by: '甲', report: { reporter: '某单位', contact: '', channel: 'hotline', at: 0, description: '' } } satisfies OpeningEvent, MINUTE).incident

function after(incident: Incident, now: number, ...events: LiveEvent[]): Incident {
  return events.reduce((before, event) => {
    const outcome = step(before, event, now)
    if (outcome.kind !== 'stepped') throw new Error(`${event.type}: ${JSON.stringify(outcome)}`)
    return outcome.incident
  }, incident)
}
const into = (id: number): LiveEvent => ({ type: 'absorbed', into: id, number: `F-${id}` })

describe('reportOfIncident', () => {
  it("has the first alert's labels, with number, severity, promise and service as the incident has them", () => {
    const incident = after(opened(), 2 * MINUTE, { type: 'alert-firing', alert: facts('b', 'critical', { alertname: 'Other', mountpoint: '/data' }) })
    const report = reportOfIncident(incident, 3 * MINUTE, 'https://zhishou.example.org/')
    expect(report).toEqual({
      fingerprint: fingerprintOf(report.labels),
      labels: { alertname: 'DiskFull', instance: 'h1', mountpoint: '/', incident: 'F-1', severity: 'critical', sla: 'standard', system: 'portal' },
      annotations: { summary: 'b 满了', description: '97%', action: '清理' },
      startsAt: 0, endsAt: undefined, updatedAt: 3 * MINUTE, timeout: false, origin: 'rules',
      generatorUrl: 'https://zhishou.example.org/incidents/F-1',
    })
    expect(reportOfIncident(incident, 0, undefined).generatorUrl).toBe('')
  })

  it('leaves out labels without a value, as Alertmanager does', () => {
    const incident = { ...opened(), service: '' }
    expect(Object.keys(reportOfIncident(incident, 0, undefined).labels)).not.toContain('system')
  })

  it('fires while the fault runs, also while nothing is seen of it, and ends when it is over or went elsewhere', () => {
    const blind = after(opened(), 2 * MINUTE, { type: 'alert-resolved', fingerprint: 'a1', why: 'no-data', at: 2 * MINUTE })
    expect(reportOfIncident(blind, 3 * MINUTE, undefined).endsAt).toBeUndefined()
    const closed = after(blind, 4 * MINUTE, { type: 'close', by: '甲', text: '已下线' })
    expect(reportOfIncident(closed, 9 * MINUTE, undefined).endsAt).toBe(4 * MINUTE)
    const recovered = after(opened(), 3 * MINUTE, { type: 'alert-resolved', fingerprint: 'a1', why: 'condition-false', at: 2 * MINUTE })
    expect(reportOfIncident(recovered, 9 * MINUTE, undefined).endsAt).toBe(2 * MINUTE)
    expect(reportOfIncident(after(opened(), 2 * MINUTE, into(2)), 9 * MINUTE, undefined).endsAt).toBe(9 * MINUTE)
    const back = after(recovered, 4 * MINUTE, { type: 'alert-firing', alert: { ...facts('a1'), startedAt: 4 * MINUTE } })
    expect(reportOfIncident(back, 9 * MINUTE, undefined)).toMatchObject({ fingerprint: reportOfIncident(recovered, 9 * MINUTE, undefined).fingerprint, endsAt: undefined })
  })

  it('of one that a person reported stays the same alert when alerts join it', () => {
    const incident = byHand()
    const report = reportOfIncident(incident, 2 * MINUTE, undefined)
    expect(report).toMatchObject({ labels: { alertname: REPORTED, instance: 'h1', fault: 'disk', incident: 'F-9', severity: 'warning', sla: 'standard', system: 'portal' }, annotations: { summary: '网页打不开' }, startsAt: 0 })
    const joined = after(incident, 3 * MINUTE, { type: 'alert-firing', alert: facts('a9') })
    expect(reportOfIncident(joined, 3 * MINUTE, undefined).fingerprint).toBe(report.fingerprint)
  })
})

describe('speakers', () => {
  it('speak for the alerts of their incident, not for themselves, and for nothing else', () => {
    const speakers = createSpeakers(undefined)
    const { fingerprint } = speakers.note(opened(), 0)
    expect(speakers.speakerFor('a1', 'F-1')).toBe(fingerprint)
    expect(speakers.speakerFor(fingerprint, 'F-1')).toBeUndefined()
    expect(speakers.speakerFor('a1', undefined)).toBeUndefined()
    expect(speakers.speakerFor('a1', 'F-2')).toBeUndefined()
  })

  it('follow an incident that went into another one, however far, and come back when it stands again', () => {
    const speakers = createSpeakers(undefined)
    const own = speakers.note(after(opened(1), MINUTE, into(2)), 0).fingerprint
    speakers.note(after(opened(2), MINUTE, into(3)), 0)
    const cause = speakers.note(opened(3), 0).fingerprint
    expect(speakers.spokesman('F-1')).toBe('F-3')
    // The merged one's own alert is spoken for too, so its end is not told.
    expect([speakers.speakerFor('a1', 'F-1'), speakers.speakerFor(own, 'F-1'), speakers.speakerFor(cause, 'F-3')]).toEqual([cause, cause, undefined])
    speakers.note(opened(2), 0)
    expect(speakers.spokesman('F-1')).toBe('F-2')
  })

  it('end even where a damaged file leads in a ring', () => {
    const speakers = createSpeakers(undefined)
    speakers.note(after(opened(1), MINUTE, into(2)), 0)
    speakers.note(after(opened(2), MINUTE, into(1)), 0)
    expect(['F-1', 'F-2']).toContain(speakers.spokesman('F-1'))
  })

  it('end the alert they were when another severity makes it another alert', () => {
    const speakers = createSpeakers(undefined)
    const incident = opened()
    const [first, ...none] = speakers.change(incident, MINUTE)
    expect(none).toEqual([])
    expect(speakers.change(after(incident, 2 * MINUTE, { type: 'comment', by: '甲', text: '在看' }), 2 * MINUTE)).toHaveLength(1)
    const [former, now] = speakers.change(after(incident, 3 * MINUTE, { type: 'set-severity', by: '甲', severity: 'critical', reason: '影响窗口' }), 3 * MINUTE)
    expect(former).toMatchObject({ fingerprint: first!.fingerprint, labels: { severity: 'warning' }, endsAt: 3 * MINUTE, updatedAt: 3 * MINUTE })
    expect(now).toMatchObject({ labels: { severity: 'critical' }, endsAt: undefined })
    // What has ended is spoken for: nobody hears that a fault is over which only became worse.
    expect(speakers.speakerFor(former!.fingerprint, 'F-1')).toBe(now!.fingerprint)
  })
})
