/** The alerting rooms as the web room needs them. Nothing is decided here. */
import type { AlertView } from '../../protocol/api.ts'
import { OFFICE_ZONE } from '../clock.ts'
import type { CollectorSettings } from '../config.ts'
import { serviceIds } from '../correlate/topology.ts'
import type { ServiceId } from '../correlate/topology.ts'
import type { State } from '../state/open.ts'
import { ackLinks } from '../web/ack-links.ts'
import type { WebDependencies } from '../web/dependencies.ts'
import { dutyRoom } from '../web/duty-room.ts'
import { incidentWeb } from '../web/incident-dependencies.ts'
import { smsReplies } from '../web/sms-replies.ts'
import type { Hints } from '../web/stream.ts'
import type { Alerting } from './alerting.ts'
import { accountsRoom, peopleNow } from './people.ts'

export interface AlertingWebParts {
  readonly alerting: Alerting
  readonly settings: CollectorSettings
  readonly state: State
  readonly hints: Pick<Hints, 'publish'>
  readonly startedAt: number
  refused(what: string, code: string): void
  now(): number
  alerts(): readonly AlertView[]
}

/** What routes about faults, duty and service need. */
export function alertingWeb(parts: AlertingWebParts): Pick<WebDependencies, 'incidents' | 'accounts' | 'duty' | 'ackLinks' | 'smsReplies' | 'service' | 'notify'> {
  const { alerting, settings, state, hints, now } = parts
  const { incidents, duty, service, files } = alerting
  /** Asked for each time: the topology may have been replaced. */
  const services = (): readonly { readonly id: ServiceId; readonly title: string }[] => (files.topology.services.length > 0 ? files.topology.services : serviceIds.map((id) => ({ id, title: files.wording.service[id] ?? id })))
  return {
    incidents: incidentWeb({
      incidents,
      profiles: files.profiles,
      wording: files.wording,
      services: () => services().map(({ id }) => id),
      async telemetry(number) {
        const incident = await incidents.get(number)
        const mine = new Set(incident?.alerts.map((alert) => alert.fingerprint))
        return parts.alerts().filter((alert) => mine.has(alert.fingerprint)).map((alert) => ({ name: alert.name, state: alert.state, value: alert.value, at: now() }))
      },
      people: () => peopleNow(duty, state.db, now()),
    }),
    notify: { ...alerting.desk, dispatch: alerting.dispatch, startedAt: parts.startedAt },
    accounts: accountsRoom({ state, duty, now }),
    duty: dutyRoom(duty, now, () => hints.publish('duty', 'overview')),
    ackLinks: ackLinks({ state, duty, incidents, wording: files.wording, serviceAliases: settings.notify.serviceAliases, now, refused: parts.refused }),
    smsReplies: smsReplies({ channels: alerting.channels, answered: (channel, answer) => alerting.answered(channel, answer), now, refused: parts.refused }),
    service: {
      ...service,
      zone: OFFICE_ZONE,
      contractStart: settings.service.contractStart,
      wording: files.serviceWording,
      get names() {
        return services().map(({ id, title }) => ({ service: id, title, target: settings.service.targets[id] }))
      },
      get workKinds() {
        return { ...files.wording.workKind, ...files.serviceWording.workStream }
      },
      exposure: (permissions, actor) => service.exposure(permissions, [], actor),
    },
  }
}
