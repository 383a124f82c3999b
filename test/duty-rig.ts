/** A real duty room and a real incidents room over state.db in memory, with people who can be reached, as the web asks them. */
import { readFileSync } from 'node:fs'
import { parseDutyFile } from '../collector/duty/duty-file.ts'
import { issueLink } from '../collector/duty/acknowledge.ts'
import { loadDuty } from '../collector/duty/load.ts'
import { openDuty } from '../collector/duty/run.ts'
import type { Duty } from '../collector/duty/run.ts'
import { parseSlaProfiles } from '../collector/incidents/profile.ts'
import { createIncidents } from '../collector/incidents/run.ts'
import type { Incidents } from '../collector/incidents/run.ts'
import { parseWording } from '../collector/incidents/wording.ts'
import type { Alert } from '../collector/rules/alert.ts'
import { openState } from '../collector/state/open.ts'
import type { State } from '../collector/state/open.ts'
import { ackLinks } from '../collector/web/ack-links.ts'
import type { AckLinkDependencies, DutyDependencies } from '../collector/web/duty-dependencies.ts'
import { incidentWeb } from '../collector/web/incident-dependencies.ts'
import type { IncidentWebDependencies } from '../collector/web/incident-dependencies.ts'
import { peopleNow } from '../collector/wiring/people.ts'
import { dutyRoom } from '../collector/web/duty-room.ts'

const alerts = new URL('../alerts/', import.meta.url).pathname
const read = (path: string): string => readFileSync(`${alerts}${path}`, 'utf8')

export interface DutyRig {
  readonly state: State
  readonly duty: Duty
  readonly incidents: Incidents
  readonly room: DutyDependencies
  readonly links: AckLinkDependencies
  /** The incidents part of the web's dependencies. */
  readonly web: IncidentWebDependencies
  readonly refusals: string[]
  /** How often a change was told. */
  readonly changes: () => number
  now: number
  /** Opens an incident and answers its number. */
  fault(instance: string): Promise<string>
  link(number: string, person: string, lifeMs?: number): Promise<string>
  close(): Promise<void>
}

/** The shipped duty file, in which everybody has a phone and a mail address. */
export async function dutyRig(startAt: number): Promise<DutyRig> {
  const state = await openState(':memory:')
  const text = read('duty.yml').replaceAll(/\{ id: ([a-z]+)-(\d), name: ([^,}]+)/g, (_, kind: string, digit: string, name: string) => `{ id: ${kind}-${digit}, addresses: { phone: '1380000${kind.length}00${digit}', mail: ${kind}-${digit}@example.org }, name: ${name}`)
  const files = { ...loadDuty({ alerts }), file: parseDutyFile(text, 'duty.yml') }
  const refusals: string[] = []
  let changes = 0
  const rig = { now: startAt }
  const clock = { now: () => rig.now, every: () => () => undefined }
  const duty = await openDuty({ state, clock, files })
  const wording = parseWording(read('templates/zh-CN.yml'), 'zh-CN.yml')
  const profiles = parseSlaProfiles(read('sla.yml'), 'sla.yml')
  const incidents = await createIncidents({ state, profiles, wording, clock, log: { warn: () => undefined }, people: (db) => peopleNow(duty, db, clock.now()) })
  // The account that the web's stub signs in for the role of duty.
  const account = { password_hash: '', previous_hashes_json: '[]', must_change: 0, created_at: startAt, created_by: 'test', disabled_at: null, failed_count: 0, first_failed_at: null, locked_until: null, password_changed_at: startAt, last_sign_in_at: null }
  await state.db.insertInto('account').values({ user: 'user-duty', role: 'duty', person: null, ...account }).execute()
  const acts = { duty, incidents }
  return Object.assign(rig, {
    state, duty, incidents, refusals,
    room: dutyRoom(duty, clock.now, () => void changes++),
    links: ackLinks({ state, ...acts, wording, serviceAliases: {}, now: clock.now, refused: (what, code) => void refusals.push(`${what}/${code}`) }),
    web: incidentWeb({ incidents, profiles, wording, services: () => [], telemetry: () => Promise.resolve(null), people: () => peopleNow(duty, state.db, clock.now()) }),
    changes: () => changes,
    async fault(instance: string) {
      const labels = { alertname: 'HostDown', instance, severity: 'critical', sla: 'standard', system: 'portal', fault: 'down' }
      const one: Alert = { fingerprint: `HostDown/${instance}`, group: 'host', name: 'HostDown', labels, annotations: { summary: `${instance} 失联` }, state: 'firing', activeAt: rig.now, startedAt: rig.now, firedAt: rig.now, resolvedAt: undefined, value: 1 }
      await incidents.apply([{ kind: 'firing', alert: one }])
      const number = incidents.numberOf(one.fingerprint)
      if (number === undefined) throw new Error(`no incident for ${instance}`)
      return number
    },
    link: (number: string, person: string, lifeMs = 3_600_000) => state.db.transaction().execute((trx) => issueLink(trx, number, person, lifeMs, rig.now)),
    close: () => state.close(),
  })
}
