import { label, whoIs } from '../access/known-people.ts'
import type { KnownPerson } from '../access/known-people.ts'
import type { IncidentChoices } from '../../protocol/api-incidents.ts'
import { causeCategories, reportChannels, workKinds } from '../incidents/event.ts'
import type { SlaProfiles } from '../incidents/profile.ts'
import type { Incidents } from '../incidents/run.ts'
import type { Wording } from '../incidents/wording.ts'
import type { Json } from '../state/audit.ts'
import type { Outcome } from './dependencies.ts'

/** What the routes under /incidents and /work-log need: the room's own acts and readings. */
export interface IncidentWebDependencies
  extends Pick<
    Incidents,
    | 'search' | 'get' | 'mergedInto' | 'hidden' | 'attachment' | 'workLog'
    | 'acknowledge' | 'comment' | 'close' | 'assign' | 'unassign' | 'setSeverity' | 'rootCause'
    | 'openByHand' | 'reportRecovery' | 'confirmRecovery' | 'refuseRecovery' | 'reopen' | 'merge' | 'split' | 'attach' | 'logWork'
  > {
  /** Keeps what the telemetry says at that moment beside the text. */
  dispose(number: string, actor: string, text: string): ReturnType<Incidents['dispose']>
  /** A second person enters who called: a person of duty.yml or an account, by id or name. */
  acknowledgeByPhone(number: string, actor: string, calledBy: string, at: number | undefined): Promise<Outcome<void>>
  /** What the forms offer. */
  choices(): Promise<IncidentChoices>
}

/** What incidentWeb is made of. */
export interface IncidentWebParts {
  readonly incidents: Incidents
  readonly profiles: SlaProfiles
  readonly wording: Wording
  /** Ids of the services of the site, in its order; names are the wording's, and what else the wording names comes after. */
  services(): readonly string[]
  /** Everybody who may be named. */
  people(): Promise<readonly KnownPerson[]>
  /** What the alerts of an incident look like now. */
  telemetry(number: string): Promise<Json>
}

/** The room as the web sees it. */
export function incidentWeb({ incidents, profiles, wording, services, telemetry, people }: IncidentWebParts): IncidentWebDependencies {
  const titled = <T extends string>(titles: Readonly<Record<T, string>>, names: readonly T[]): { readonly name: T; readonly title: string }[] => names.map((name) => ({ name, title: titles[name] }))
  const offered = (): Omit<IncidentChoices, 'people'> => ({
    services: [...new Set([...services(), ...Object.keys(wording.service)])].map((name) => ({ name, title: wording.service[name] ?? name })),
    profiles: [...profiles.byName.values()].map(({ name, title, respondMs, disposeMs, recoverMs }) => ({ name, title, respondMs, disposeMs, recoverMs })),
    severities: titled(wording.severity, ['critical', 'warning', 'info']),
    reportChannels: titled(wording.reportChannel, reportChannels),
    causeCategories: titled(wording.causeCategory, causeCategories),
    workKinds: titled(wording.workKind, workKinds),
  })
  return {
    ...incidents,
    acknowledgeByPhone: (number, actor, calledBy, at) => incidents.acknowledge(number, actor, { kind: 'phone', calledBy, ...(at === undefined ? {} : { at }) }),
    dispose: async (number, actor, text) => incidents.dispose(number, actor, text, await telemetry(number)),
    choices: async () => ({ ...offered(), people: (await people()).map((one) => ({ name: whoIs(one).id, title: label(one), accounts: one.accounts })) }),
  }
}
