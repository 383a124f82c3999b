import { type Log, errorText } from '../log.ts'
import type { LinkEvent } from './link-types.ts'

/** One log line for each thing that happened on the link. Refusals are warnings: somebody should look. */
export function logLinkEvent(log: Log, event: LinkEvent): void {
  switch (event.kind) {
    case 'connected':
    case 'replaced':
    case 'renewed':
      log.info(`agent ${event.kind}`, { instance: event.instance, address: event.address })
      return
    case 'closed':
      log.info('agent disconnected', { instance: event.instance, address: event.address, code: event.code })
      return
    case 'refused':
      log.warn(`${event.what} refused`, { instance: event.instance, address: event.address, code: event.code, why: event.why })
      return
    case 'restamped':
      log.warn('agent clock is far ahead: its rows are given the time of arrival', { instance: event.instance, address: event.address, rows: event.rows })
      return
    case 'failed':
      log.error(`link: ${event.what}`, { instance: event.instance, error: errorText(event.error) })
  }
}
