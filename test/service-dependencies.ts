/** Hand-made dependencies of the service routes: the example month behind every reading; every act succeeds and is kept. */
import { readFileSync } from 'node:fs'
import { exampleSources } from '../collector/service/example-month.fixture.ts'
import { exposureFor } from '../collector/service/exposure.ts'
import { clockBreaches, exposure } from '../collector/service/exposure.ts'
import type { Annotation, FrozenMonth } from '../collector/service/frozen-month.ts'
import type { GuardPeriod } from '../collector/service/guard.ts'
import { zeroReports } from '../collector/service/guard.ts'
import { monthFigures, monthInputs } from '../collector/service/month.ts'
import type { ServiceRequest } from '../collector/service/request.ts'
import { parseExposureTerms } from '../collector/service/terms.ts'
import type { MaintenanceWindow } from '../collector/service/window.ts'
import { parseServiceWording } from '../collector/service/wording.ts'
import { monthOf } from '../collector/service/zone-time.ts'
import type { ServiceWebDependencies } from '../collector/web/service-dependencies.ts'

const shipped = (path: string): string => readFileSync(new URL(`../alerts/${path}`, import.meta.url), 'utf8')
const terms = parseExposureTerms(shipped('exposure.yml'), 'exposure.yml')
const wording = parseServiceWording(shipped('templates/service.zh-CN.yml'), 'service.zh-CN.yml')
const zone = 'Asia/Shanghai'

/** `acts`: where each act is written with what it was given. */
export function stubService(acts: unknown[][], now: number): ServiceWebDependencies {
  const done = <T>(value: T, ...what: unknown[]): Promise<{ readonly kind: 'done'; readonly value: T }> => {
    acts.push(what)
    return Promise.resolve({ kind: 'done', value })
  }
  const window: MaintenanceWindow = { id: 'M20261122-001', version: 1, services: ['portal'], objects: [], from: now + 1_000, to: now + 2_000, endsAt: now + 2_000, reason: '升级', by: 'onsite', plannedAt: now, afterTheFact: false, cancelled: false }
  const request: ServiceRequest = { id: 'R20261122-001', version: 1, state: 'received', kind: 'consulting', service: 'portal', requester: '某科室', channel: '热线', text: '咨询', receivedAt: now - 1_000, person: undefined, work: [], endedAt: undefined }
  const guard: GuardPeriod = { id: 'Z20261122-001', version: 1, title: '重保', from: now - 3_600_000, to: now + 86_400_000, services: [], thresholdFactor: 0.8, stepFactor: 0.5, zeroReports: { times: ['08:00', '20:00'], graceMinutes: 15, leadMinutes: 30 }, by: 'pm', filed: [] }
  const frozen: FrozenMonth = { seq: 1, month: '2026-10', frozenAt: now, actor: 'pm', forced: null, body: '{}', previousHash: '0'.repeat(64), hash: 'a'.repeat(64) }
  const annotation: Annotation = { seq: 1, month: '2026-10', at: now, actor: 'pm', body: JSON.stringify({ approval: { name: '甲方代表', at: now, how: '书面' }, corrected: 1, monthHash: 'a', original: 2, path: 'services.0.month.maintenanceMs', reason: '更正' }), previousHash: '0'.repeat(64), hash: 'b'.repeat(64) }
  return {
    zone,
    contractStart: exampleSources.contractStart,
    names: [{ service: 'portal', title: '综合服务平台', target: 0.999 }, { service: 'business', title: '网上业务信息系统', target: undefined }],
    wording,
    workKinds: { request: '服务请求' },
    planWindow: (...what) => done(window, 'planWindow', ...what),
    approveWindow: (...what) => done(window, 'approveWindow', ...what),
    shortenWindow: (...what) => done(window, 'shortenWindow', ...what),
    cancelWindow: (...what) => done(window, 'cancelWindow', ...what),
    windows: () => Promise.resolve([window]),
    receiveRequest: (...what) => done(request, 'receiveRequest', ...what),
    startRequest: (...what) => done(request, 'startRequest', ...what),
    noteRequest: (...what) => done(request, 'noteRequest', ...what),
    finishRequest: (...what) => done(request, 'finishRequest', ...what),
    refuseRequest: (...what) => done(request, 'refuseRequest', ...what),
    requests: () => Promise.resolve([request]),
    declareGuard: (...what) => done(guard, 'declareGuard', ...what),
    endGuard: (...what) => done(guard, 'endGuard', ...what),
    fileZeroReport: (...what) => done(guard, 'fileZeroReport', ...what),
    guards: () => [{ ...guard, reports: zeroReports(guard, [], now, zone) }],
    month(month) {
      const made = monthInputs({ ...exampleSources, work: [{ at: monthOf(month, zone).from, by: 'duty', kind: 'request', reference: 'R20261122-001', text: '受理', minutes: 5 }] }, month, now)
      if (made.kind !== 'known') throw new Error(`no calendar for ${made.date}`)
      return Promise.resolve({ kind: 'done', value: { kind: 'running', inputs: made.inputs, figures: monthFigures(made.inputs) } })
    },
    frozen: () => Promise.resolve([frozen]),
    freezeMonth: (...what) => done(frozen, 'freezeMonth', ...what),
    annotateMonth: (...what) => done(annotation, 'annotateMonth', ...what),
    verifyMonths: () => Promise.resolve({ kind: 'intact', months: 1, annotations: 0 }),
    workLog: (span) => Promise.resolve([{ at: span.from, by: 'duty', kind: 'request', reference: 'R20261122-001', text: '受理', minutes: 5 }]),
    exposure: (permissions) => Promise.resolve(exposureFor(permissions, () => exposure(terms, clockBreaches(exampleSources.faults, now), now, wording))),
  }
}

const at = Date.UTC(2026, 10, 22, 8)

/** A body that each route takes, by the name the table of routes gives it. */
export const serviceBodies = {
  freeze: { forced: null },
  correction: { path: 'services.0.month.maintenanceMs', corrected: 1, approval: { name: '甲方代表', at, how: '书面' }, reason: '更正' },
  window: { services: ['portal'], objects: [], from: at + 1_000, to: at + 2_000, reason: '升级', afterTheFact: false },
  approval: { name: '甲方代表', at, how: '书面' },
  shorter: { to: at, reason: '提前完成' },
  reason: { reason: '原因' },
  request: { kind: 'consulting', service: 'portal', requester: '某科室', channel: '热线', text: '咨询' },
  worked: { text: '已答复', minutes: 10 },
  guard: { title: '重保', from: at, to: at + 86_400_000, services: [], thresholdFactor: 0.8, stepFactor: 0.5, zeroReports: { times: ['08:00'], graceMinutes: 15, leadMinutes: 30 } },
  zeroReport: { dueAt: at, text: '无异常' },
} as const
