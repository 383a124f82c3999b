import type { Decide, Fault } from './fault.ts'

/**
 * What a service stands on, as main.ts reads it from the topology: an entry must stand; an entry that is a list is a
 * choice, of which one standing member is enough.
 */
export interface ServiceTree {
  readonly critical: readonly (string | readonly string[])[]
}

/**
 * The usual decision: a service is bad while an incident of a severity that affects it is open on the service itself (no
 * object, or one that the tree does not list as a member), on a critical member whichever service that was filed
 * under, or on every member of a choice at once.
 */
export function decideByTree(trees: Readonly<Record<string, ServiceTree>>, affecting: readonly Fault['severity'][]): Decide {
  const membersOf = new Map(Object.entries(trees).map(([service, { critical }]) => [service, new Set(critical.flat())]))
  const decide = (service: string, open: readonly Fault[]): readonly string[] => {
    const entries = trees[service]?.critical ?? []
    const members = membersOf.get(service) ?? new Set()
    const counting = open.filter((fault) => affecting.includes(fault.severity))
    const on = (object: string): readonly string[] => counting.filter((fault) => fault.object === object).map((fault) => fault.number)
    const own = counting.filter((fault) => fault.service === service && !members.has(fault.object)).map((fault) => fault.number)
    return [...own, ...entries.flatMap((entry) => {
      if (typeof entry === 'string') return on(entry)
      const each = entry.map(on)
      return each.every((numbers) => numbers.length > 0) ? each.flat() : []
    })]
  }
  return Object.assign(decide, {
    concerns: (service: string, fault: Fault) => affecting.includes(fault.severity) && (fault.service === service || membersOf.get(service)?.has(fault.object) === true),
  })
}
