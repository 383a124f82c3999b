/**
 * Who watches the services (pure): a service of which nothing is measured is not known to be good. Its time is blind for
 * want of data (`no-data`), from the first day of the contract where nobody has ever looked, else from when it was lost.
 */
import type { Blind } from './blind.ts'

/** What a service stands on, as far as it can be measured. A service without such members has one, '', for itself. */
export interface WatchedService {
  readonly service: string
  readonly members: readonly WatchedMember[]
}

export interface WatchedMember {
  /** Id in the topology; '' for the service as such. */
  readonly object: string
  /** Names under which samples and agents speak of it. */
  readonly instances: readonly string[]
  /** `measured`: an agent has reported it. `since` (epoch ms): nothing has come since then at the latest. */
  readonly state: { readonly kind: 'measured' } | { readonly kind: 'unmeasured'; readonly since: number }
}

/** What is to be kept of it: stretches that begin and those that end. */
export interface WatchChanges {
  readonly begin: readonly Blind[]
  readonly end: readonly Blind[]
}

/**
 * Compares what is measured now with the stretches that last. `looked`: services that were looked at before; only for
 * others the time since `contractStart` counts, for a member that comes later must not blind what was seen without it.
 * What is no member any more ends as well, whichever way it was blind.
 */
export function watchChanges(services: readonly WatchedService[], lasting: readonly Blind[], looked: ReadonlySet<string>, contractStart: number, now: number): WatchChanges {
  const wanted = services.flatMap(({ service, members }) =>
    members.flatMap(({ object, state }): readonly Blind[] =>
      state.kind === 'measured' ? [] : [{ why: 'no-data', service, object, from: Math.min(now, looked.has(service) ? state.since : contractStart) }],
    ),
  )
  const same = (a: Blind, b: Blind): boolean => a.why === b.why && a.service === b.service && a.object === b.object
  const stands = ({ service, object }: Blind): boolean => services.some((one) => one.service === service && one.members.some((member) => member.instances.includes(object)))
  return {
    begin: wanted.filter((one) => !lasting.some((known) => same(known, one))),
    end: lasting.filter((one) => (one.why === 'no-data' ? !wanted.some((still) => same(still, one)) : one.why === 'agent-silent' && !stands(one))),
  }
}
