/** The incidents room as the web sees it, by hand: one incident G1, every act succeeds and is kept. */
import type { IncidentWebDependencies } from '../collector/web/incident-dependencies.ts'
import type { AlertView, IncidentDetail } from '../protocol/api.ts'

/** A body that each act takes. */
export const incidentBodies = {
  'confirm-recovery': {},
  'refuse-recovery': { text: '还没有好' },
  recovery: { text: '已恢复', confirmedBy: '乙' },
  assign: { to: '乙' },
  severity: { severity: 'critical', reason: '影响全市' },
  rootCause: { category: 'power', text: '断电' },
  merge: { into: 'F20261122-002', reason: '同一故障' },
  split: { fingerprints: ['f1'], reason: '另一故障' },
  work: { kind: 'other', text: '整理资料', minutes: 30, service: null, incident: null },
  handReport: { reporter: '某单位', contact: '', channel: 'hotline', service: 'portal', instance: '', fault: '', severity: 'warning', title: '网页打不开', description: '' },
  file: uploadOf('a.csv', 'text/csv', 'a,b\n'),
} as const

/** A form with one file. */
export function uploadOf(name: string, type: string, content: string | Uint8Array<ArrayBuffer>): FormData {
  const form = new FormData()
  form.set('file', new File([content], name, { type }))
  return form
}

/** An incident nobody has answered. */
export function stubIncident(now: number, alert: AlertView): IncidentDetail {
  return {
    number: 'G1', title: 'web-01 失联', state: 'open', severity: 'critical', service: 'portal', object: 'web-01', fault: 'down', startedAt: now, openedAt: now, recoveredAt: null,
    acknowledgedBy: null, disposedBy: null, blind: false, clocks: [], alerts: [alert], timeline: [], notifications: [{ at: now, channel: 'email', to: 'a@example.org', state: 'sent', error: null, together: 1 }],
    assignedTo: null, hiddenAlerts: 0, mergedInto: null, reportedBy: '某单位', judgedBy: null, claim: null, hidden: [], absorbed: { count: 0, first: [] }, splitFrom: null,
    report: { reporter: '某单位', contact: '内线 1234', channel: 'hotline', at: now, by: '甲', description: '' },
    rootCause: null, attachments: [], workMinutes: 0, response: null, disposals: [], acts: ['acknowledge'], blindTimes: [],
  }
}

const bytes = new TextEncoder().encode('a,b\n1,2\n')
const file = { id: 1, name: '记录.csv', type: 'text/csv', sizeBytes: bytes.length, sha256: '0'.repeat(64) }

/** Keeps each act in `acts` with what it was given. */
export function stubIncidents(acts: unknown[][], incident: IncidentDetail): IncidentWebDependencies {
  const kept = <T>(value: T, ...what: unknown[]) => {
    acts.push(what)
    return Promise.resolve({ kind: 'done' as const, value })
  }
  const act = (name: string) => (...parts: unknown[]) => kept(undefined, name, ...parts)
  const found = (number: string): boolean => number === incident.number
  return {
    search: (search) => {
      acts.push(['search', search])
      return Promise.resolve([incident, incident, incident].slice(0, search.limit))
    },
    get: (number) => Promise.resolve(found(number) ? incident : undefined),
    mergedInto: () => Promise.resolve([incident]),
    hidden: (_, { limit }) => Promise.resolve(Array.from({ length: Math.min(limit, 150) }, (_value, index) => ({ fingerprint: String(index), name: 'a', instance: 'b', summary: 'c', state: 'firing' as const, startedAt: 0, hiddenAt: 0, endedAt: null }))),
    attachment: (number, id) => Promise.resolve(found(number) && id === 1 ? { file, bytes } : undefined),
    workLog: (filter) => {
      acts.push(['workLog', filter])
      return Promise.resolve([])
    },
    acknowledge: act('acknowledge'),
    acknowledgeByPhone: act('acknowledgeByPhone'),
    dispose: act('dispose'),
    comment: act('comment'),
    close: act('close'),
    assign: act('assign'),
    unassign: act('unassign'),
    setSeverity: act('setSeverity'),
    rootCause: act('rootCause'),
    reportRecovery: act('reportRecovery'),
    confirmRecovery: act('confirmRecovery'),
    refuseRecovery: act('refuseRecovery'),
    reopen: act('reopen'),
    merge: act('merge'),
    openByHand: (...parts) => kept(incident.number, 'openByHand', ...parts),
    split: (...parts) => kept(incident.number, 'split', ...parts),
    attach: (...parts) => kept(file, 'attach', ...parts),
    logWork: (...parts) => kept(7, 'logWork', ...parts),
    choices: () => Promise.resolve({
      services: [{ name: 'portal', title: '综合服务平台' }],
      profiles: [{ name: 'standard', title: '标准', respondMs: 1, disposeMs: 2, recoverMs: 3 }],
      severities: [], reportChannels: [], causeCategories: [], workKinds: [], people: [],
    }),
  }
}
