import { useQuery } from '@tanstack/react-query'
import type { IncidentChoices } from '../../../protocol/api-incidents.ts'
import { get, useSession } from '../../api.ts'

const none: IncidentChoices = { services: [], profiles: [], severities: [], reportChannels: [], causeCategories: [], workKinds: [], people: [] }

/** What the forms offer; it changes with the collector's settings and the accounts. */
export function useChoices(): IncidentChoices {
  return useQuery({ queryKey: ['choices'], queryFn: () => get<IncidentChoices>('/incidents/choices'), staleTime: 300_000 }).data ?? none
}

/** Names of the team, for who may read the roster; empty otherwise: then a name is simply written. */
export function usePeople(): readonly string[] {
  const session = useSession()
  const query = useQuery({ queryKey: ['people'], queryFn: () => get<{ readonly people: readonly { readonly name: string }[] }>('/duty'), staleTime: 300_000, retry: false, enabled: session.permissions.includes('duty.read') })
  return (query.data?.people ?? []).map((one) => one.name)
}

/** Names of the hosts under watch, to be chosen from; anything else may be written. */
export function useHosts(): readonly string[] {
  const session = useSession()
  const query = useQuery({ queryKey: ['hosts', 'names'], queryFn: () => get<{ readonly hosts: readonly { readonly instance: string }[] }>('/hosts'), staleTime: 60_000, retry: false, enabled: session.permissions.includes('hosts.read') })
  return (query.data?.hosts ?? []).map((one) => one.instance)
}

/** As options of a list. */
export const optionsOf = (choices: readonly { readonly name: string; readonly title: string }[]): { value: string; label: string }[] => choices.map(({ name, title }) => ({ value: name, label: title }))
