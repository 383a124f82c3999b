/** The alerting rooms as the web room needs them. Nothing is decided here. */
import type { AlertView } from '../../protocol/api.ts'
import type { AlertFiles } from '../alert-files.ts'
import { OFFICE_ZONE } from '../clock.ts'
import type { CollectorSettings } from '../config.ts'
import { serviceIds } from '../correlate/topology.ts'
import type { ServiceId } from '../correlate/topology.ts'
import type { State } from '../state/open.ts'
import { ackLinks, acknowledgeByPhone } from '../web/ack-links.ts'
import type { WebDependencies } from '../web/dependencies.ts'
import { dutyRoom } from '../web/duty-room.ts'
import { incidentWeb } from '../web/incident-dependencies.ts'
import type { Hints } from '../web/stream.ts'
import type { Alerting } from './alerting.ts'

/** Most lines of incidents' work that one span shows; a year's real work is far less. */
const MOST_WORK = 100_000

export interface AlertingWebParts {
  readonly alerting: Alerting
  readonly files: AlertFiles
  readonly settings: CollectorSettings
  readonly state: State
  readonly hints: Pick<Hints, 'publish'>
  readonly startedAt: number
  refused(what: string, code: string): void
  now(): number
  alerts(): readonly AlertView[]
}

/** What routes about faults, duty and service need. */
export function alertingWeb(parts: AlertingWebParts): Pick<WebDependencies, 'incidents' | 'duty' | 'ackLinks' | 'service' | 'notify'> {
  const { alerting, files, settings, state, hints, now } = parts
  const { incidents, duty, service } = alerting
  const sites: readonly { readonly id: ServiceId; readonly title: string }[] = files.topology.services
  const services = sites.length > 0 ? sites : serviceIds.map((id) => ({ id, title: files.wording.service[id] ?? id }))
  return {
    incidents: incidentWeb({
      incidents,
      profiles: files.profiles,
      wording: files.wording,
      services: services.map(({ id }) => id),
      async telemetry(number) {
        const incident = await incidents.get(number)
        const mine = new Set(incident?.alerts.map((alert) => alert.fingerprint))
        return parts.alerts().filter((alert) => mine.has(alert.fingerprint)).map((alert) => ({ name: alert.name, state: alert.state, value: alert.value, at: now() }))
      },
      acknowledgeByPhone: (number, actor, calledBy, at) => acknowledgeByPhone({ duty, incidents }, number, actor, calledBy, at),
    }),
    notify: { ...alerting.desk, dispatch: alerting.dispatch, startedAt: parts.startedAt },
    duty: dutyRoom(duty, now, () => hints.publish('duty', 'overview')),
    ackLinks: ackLinks({ state, duty, incidents, wording: files.wording, serviceAliases: settings.notify.serviceAliases, now, refused: parts.refused }),
    service: {
      ...service,
      zone: OFFICE_ZONE,
      contractStart: settings.service.contractStart,
      wording: files.serviceWording,
      names: services.map(({ id, title }) => ({ service: id, title, target: settings.service.targets[id] })),
      async workLog(span) {
        const own = await service.workLog(span)
        const worked = await incidents.workLog({ from: span.from, to: span.to, limit: MOST_WORK })
        return [...own, ...worked.map(({ workedAt, by, incident, text, minutes }) => ({ at: workedAt, by, reference: incident ?? '', text, minutes }))]
      },
      exposure: (permissions, actor) => service.exposure(permissions, [], actor),
    },
  }
}
