import type { Exposure } from '../service/exposure.ts'
import type { ServiceRoom } from '../service/run.ts'
import type { NamedService } from '../service/view.ts'
import type { ServiceWording } from '../service/wording.ts'

/** What the routes under /service need: the room's own acts and readings, and what main.ts knows around it. */
export interface ServiceWebDependencies
  extends Pick<
    ServiceRoom,
    | 'planWindow' | 'approveWindow' | 'shortenWindow' | 'cancelWindow' | 'windows'
    | 'receiveRequest' | 'startRequest' | 'noteRequest' | 'finishRequest' | 'refuseRequest' | 'requests'
    | 'declareGuard' | 'endGuard' | 'fileZeroReport' | 'guards'
    | 'month' | 'frozen' | 'freezeMonth' | 'annotateMonth' | 'verifyMonths' | 'workLog'
  > {
  readonly zone: string
  /** First day of the contract, `2026-03-01`. */
  readonly contractStart: string
  /** The services in the site's order, with their names and targets. */
  readonly names: readonly NamedService[]
  readonly wording: Pick<ServiceWording, 'flag' | 'verdict'>
  /** Names of the kinds of work. */
  readonly workKinds: Readonly<Record<string, string>>
  /** The running contract year; `permissions` are the caller's, and the room looks at them too. */
  exposure(permissions: ReadonlySet<string>, actor: string): Promise<{ readonly kind: 'shown'; readonly exposure: Exposure } | { readonly kind: 'forbidden' } | { readonly kind: 'no-terms' }>
}
