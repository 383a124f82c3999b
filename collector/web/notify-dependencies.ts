import type { NotifyDesk } from '../notify/desk.ts'
import type { AlertmanagerDependencies } from './routes/alertmanager.ts'

/** What the routes of silences, channels, outbox, routing, explanations and the Alertmanager API need. */
export interface NotifyWebDependencies extends NotifyDesk {
  readonly dispatch: AlertmanagerDependencies['dispatch']
  /** When the program started, epoch ms. */
  readonly startedAt: number
}
