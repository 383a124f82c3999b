import { describe, expect, it } from 'vitest'
import { NOW, alert } from '../../test/web-dependencies.ts'
import { alertViews } from './alert-view.ts'
import type { PresenceView } from './../ingest/run-presence.ts'
import { type Reading, hostDetail, hostSummaries } from './host-view.ts'

const presence = (instance: string, is: PresenceView['presence'] = 'up'): PresenceView => ({ instance, presence: is, since: NOW, lastSeenAt: NOW, clockOffsetSeconds: undefined, agentVersion: '1' })
/** Answers by what the question contains; keeps the questions. */
function asked(answers: Readonly<Record<string, readonly Reading[]>>) {
  const questions: string[] = []
  return {
    questions,
    instant(expr: string): readonly Reading[] {
      questions.push(expr)
      return Object.entries(answers).find(([part]) => expr.includes(part))?.[1] ?? []
    },
  }
}

describe('hostSummaries', () => {
  it('what is not known is null, never zero', () => {
    const [row] = hostSummaries([presence('web-01')], [], asked({}).instant)
    expect(row).toEqual({
      instance: 'web-01', presence: 'up', since: NOW, lastSeenAt: NOW, os: null, kernel: null, bootedAt: null, cpuUsedRatio: null, memoryUsedRatio: null, load1: null, cpus: null,
      fullestFilesystem: null, clockOffsetSeconds: null, firing: { critical: 0, warning: 0, info: 0 },
    })
    expect(hostSummaries([presence('web-01')], [], asked({ node_load1: [{ labels: { instance: 'web-01' }, value: Number.NaN }] }).instant)[0]!.load1).toBeNull()
  })

  it('worst first: down, then by what fires, then by name', () => {
    const alerts = [{ ...alert, labels: { instance: 'b' }, severity: 'warning' as const }, { ...alert, labels: { instance: 'c' } }, { ...alert, labels: { instance: 'a' }, state: 'pending' as const }]
    const rows = hostSummaries(['a', 'b', 'c', 'd'].map((name) => presence(name, name === 'd' ? 'down' : 'up')), alerts, asked({}).instant)
    expect(rows.map((row) => row.instance)).toEqual(['d', 'c', 'b', 'a'])
    expect(rows[1]!.firing).toEqual({ critical: 1, warning: 0, info: 0 })
  })

  it('shows the fullest file system and the boot time in milliseconds', () => {
    const filesystem = (instance: string, mountpoint: string, value: number): Reading => ({ labels: { instance, mountpoint }, value })
    const [row] = hostSummaries([presence('a')], [], asked({ node_filesystem_avail_bytes: [filesystem('a', '/', 0.5), filesystem('a', '/data', 0.9), filesystem('b', '/', 1), filesystem('a', '/nan', Number.NaN)], node_boot_time_seconds: [{ labels: { instance: 'a' }, value: 1_000.5 }] }).instant)
    expect(row).toMatchObject({ fullestFilesystem: { mountpoint: '/data', usedRatio: 0.9 }, bootedAt: 1_000_500 })
  })
})

describe('hostDetail', () => {
  const none = { facts: [], events: [], checks: [] }

  it('asks for this host only, in every selector, whatever its name holds', () => {
    const one = asked({})
    const name = 'web"01\\'
    hostDetail(name, [presence(name), presence('other')], [], one.instant, none)
    expect(one.questions.length).toBeGreaterThan(8)
    for (const question of one.questions) {
      const selectors = question.match(/node_[a-z0-9_A-Z]+/g)!
      expect(question.split(`instance=${JSON.stringify(name)}`).length - 1, question).toBe(selectors.length)
    }
  })

  it('is undefined for a host that is not enrolled', () => {
    expect(hostDetail('nobody', [presence('web-01')], [], asked({}).instant, none)).toBeUndefined()
  })

  it('shows facts that are no JSON as they are, and file systems that have both sizes', () => {
    const labels = { instance: 'a', device: '/dev/sda1', mountpoint: '/', fstype: 'ext4' }
    const answers = asked({ 'max by': [], node_filesystem_avail_bytes: [{ labels, value: 5 }], node_filesystem_readonly: [{ labels, value: 1 }], node_filesystem_size_bytes: [{ labels, value: 10 }, { labels: { ...labels, mountpoint: '/x' }, value: 1 }] })
    const facts = [{ stream: 'a', name: 'f', at: 1, json: '{"a":1}' }, { stream: 'a', name: 'g', at: 2, json: 'broken' }]
    const detail = hostDetail('a', [presence('a')], [], answers.instant, { ...none, facts })!
    expect(detail.facts).toEqual([{ name: 'f', at: 1, value: { a: 1 } }, { name: 'g', at: 2, value: 'broken' }])
    expect(detail.filesystems).toEqual([{ mountpoint: '/', device: '/dev/sda1', fstype: 'ext4', sizeBytes: 10, availableBytes: 5, readonly: true }])
  })
})

describe('alertViews', () => {
  it('firing first, by severity, oldest first; an unknown severity is a warning, a value that is no number null', () => {
    const one = (name: string, state: 'pending' | 'firing' | 'resolved', severity: string, startedAt: number, value = 1) => ({
      fingerprint: name, name, labels: { severity }, annotations: {}, state, value, startedAt, activeAt: startedAt, lastEvaluatedAt: NOW, expr: '', group: '', keepFiringSince: undefined, resolvedAt: undefined,
    }) as unknown as Parameters<typeof alertViews>[0][number]
    const views = alertViews([one('e', 'resolved', 'critical', 0), one('d', 'pending', 'critical', 0), one('b', 'firing', 'page', 5), one('c', 'firing', 'info', 0, Number.NaN), one('a2', 'firing', 'critical', 9), one('a1', 'firing', 'critical', 8)], (fingerprint) => (fingerprint === 'a1' ? 'G7' : undefined))
    expect(views.map((view) => view.name)).toEqual(['a1', 'a2', 'b', 'c', 'd', 'e'])
    expect(views.map((view) => view.severity)).toEqual(['critical', 'critical', 'warning', 'info', 'critical', 'critical'])
    expect(views[0]).toMatchObject({ incident: 'G7', summary: 'a1', description: '', resolvedAt: null })
    expect(views[3]).toMatchObject({ value: null, incident: null })
  })
})
