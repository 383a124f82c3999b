/** Hand-made dependencies of the web room: every act succeeds, every list has one entry, what was refused is kept. */
import { permissionsOf, roles } from '../collector/access/matrix.ts'
import { type Web, createApp } from '../collector/web/app.ts'
import type { Caller } from '../collector/access/sessions.ts'
import type { RuleGroupStatus } from '../collector/rules/view.ts'
import type { WebDependencies } from '../collector/web/dependencies.ts'
import { smsReplies } from '../collector/web/sms-replies.ts'
import { type Hints, createHints } from '../collector/web/stream.ts'
import { stubAckLinks, stubDuty } from './duty-dependencies.ts'
import { stubIncident, stubIncidents } from './incident-dependencies.ts'
import { stubNotify } from './notify-dependencies.ts'
import { stubService } from './service-dependencies.ts'
import type { AlertView } from '../protocol/api.ts'

export const NOW = Date.UTC(2026, 10, 22, 8, 0, 0)

export const alert: AlertView = {
  fingerprint: 'f1', name: 'HostDown', severity: 'critical', state: 'firing', labels: { alertname: 'HostDown', instance: 'web-01', severity: 'critical' },
  summary: 'web-01 失联', description: '9 秒没有心跳', action: '检查网络', value: 7.5, startedAt: NOW - 60_000, activeAt: NOW - 60_000, resolvedAt: null, incident: 'G1',
}

export const ruleGroup: RuleGroupStatus = {
  name: 'host', file: 'host.yml', intervalMs: 15_000, lastEvaluationAt: NOW - 1_000, evaluationSeconds: 0.002,
  rules: [
    { type: 'alerting', name: 'HostDown', query: 'up == 0', durationSeconds: 0, keepFiringForSeconds: 60, labels: { severity: 'critical' }, annotations: { summary: '{{ $labels.instance }} 失联' }, health: 'ok', lastError: undefined, lastEvaluationAt: NOW - 1_000, evaluationSeconds: 0.001 },
    { type: 'recording', name: 'instance:up:sum', query: 'sum by (instance) (up)', durationSeconds: 0, keepFiringForSeconds: 0, labels: {}, annotations: {}, health: 'err', lastError: 'many-to-many matching', lastEvaluationAt: undefined, evaluationSeconds: 0 },
  ],
}

/** A caller of `role` by cookie; its session token is the role's name and its CSRF word `csrf-ROLE`. */
export function callerOf(role: string, csrf: string | undefined = `csrf-${role}`, mustChangePassword = false): Caller {
  return { user: `user-${role}`, person: null, role, permissions: permissionsOf(role), mustChangePassword, csrf, expiresAt: NOW + 1_000 }
}

export interface StubWeb {
  readonly web: Web
  readonly deps: WebDependencies
  readonly hints: Hints
  /** `what/code` of each refusal. */
  readonly refusals: string[]
  /** Failures nobody foresaw. */
  readonly failures: unknown[]
  /** Acts with what they were given. */
  readonly acts: unknown[][]
}

/** Sessions: a role's name, `must-change`. Bearer tokens: `bearer-ROLE`. Password: `right`. */
export function stubWeb(overrides: Partial<WebDependencies> = {}): StubWeb {
  const refusals: string[] = []
  const failures: unknown[] = []
  const acts: unknown[][] = []
  const act = (...what: unknown[]) => {
    acts.push(what)
    return Promise.resolve({ kind: 'done' as const, value: undefined })
  }
  const roleNames: readonly string[] = roles
  const deps: WebDependencies = {
    now: () => NOW,
    version: '9.9.9',
    access: {
      bySession: (token) => Promise.resolve(token === 'must-change' ? callerOf('system-admin', 'csrf-must-change', true) : roleNames.includes(token) ? callerOf(token) : undefined),
      byBearer: (token) => Promise.resolve(token.startsWith('bearer-') && roleNames.includes(token.slice(7)) ? { ...callerOf(token.slice(7)), csrf: undefined } : undefined),
      stillSignedIn: (token) => Promise.resolve(roleNames.includes(token)),
      signIn: (user, password) =>
        Promise.resolve(password === 'right' ? { kind: 'done', value: { token: 'system-admin', caller: callerOf('system-admin') } } : { kind: 'refused', status: 401, code: 'wrong', message: `${user}: 用户名或密码不正确` }),
      async signOut(token) {
        await act('signOut', token)
      },
      changePassword: (...parts) => act('changePassword', ...parts),
    },
    query: {
      instant: (_, atMs) => ({ kind: 'vector', atMs, samples: [], warnings: [], infos: [] }),
      range: () => ({ kind: 'matrix', series: [], warnings: [], infos: [] }),
      labelNames: () => ['__name__', 'instance', 'job'],
      labelValues: (name, matchers) => [name, ...matchers],
      series: () => [{ __name__: 'up', instance: 'web-01' }, { __name__: 'up', instance: 'web-02' }],
    },
    presence: () => [{ instance: 'web-01', presence: 'up', since: NOW, lastSeenAt: NOW, clockOffsetSeconds: 0, agentVersion: '1' }],
    alerts: () => [alert],
    rules: () => [ruleGroup],
    facts: () => [],
    events: () => [],
    checks: () => [],
    // By the test's own clock, for pages that take their day from it.
    overview: () => Promise.resolve({ now: (overrides.now ?? (() => NOW))(), hosts: { up: 1, down: 0, planned: 0, never: 0 }, alerts: { critical: 1, warning: 0, info: 0, pending: 0 }, incidents: [], channels: [], selfProblems: [] }),
    self: () => Promise.resolve({ version: '9.9.9', startedAt: NOW, now: NOW, series: 0, samples: 0, chunkBytes: 0, logBytes: 0, rules: [], refused: [] }),
    incidents: stubIncidents(acts, stubIncident(NOW, alert)),
    accounts: {
      links: () => Promise.resolve({ accounts: [{ user: 'admin', role: 'system-admin', person: null }], people: [{ id: 'engineer-1', name: '值班一' }] }),
      link: (...parts) => act('linkPerson', ...parts),
    },
    agents: {
      list: () => Promise.resolve([]),
      createToken: (host) => Promise.resolve({ kind: 'done', value: { token: 'zs1.x', host, expiresAt: NOW, command: 'x' } }),
      revoke: (...parts) => act('revoke', ...parts),
    },
    service: stubService(acts, NOW),
    notify: stubNotify(acts, NOW),
    duty: stubDuty(acts, NOW),
    ackLinks: stubAckLinks(acts),
    smsReplies: smsReplies({ channels: [], answered: () => Promise.resolve(), now: () => NOW, refused: (what, code) => void refusals.push(`${what}/${code}`) }),
    enrol: (request) => Promise.resolve({ status: 429, body: { code: 'limit', message: request.host }, retryAfterMs: 1_500 }),
    reload: (actor) => act('reload', actor),
    metricsText: () => Promise.resolve('zhishou_up 1\n'),
    healthProblems: () => [],
    refused: (what, code) => void refusals.push(`${what}/${code}`),
    // A folder that is there and holds no console.
    consoleFolder: import.meta.dirname,
    ...overrides,
  }
  const hints = createHints(5)
  const web = createApp(deps, hints, (_, error) => failures.push(error))
  return { web, deps, hints, refusals, failures, acts }
}
