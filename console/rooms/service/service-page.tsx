import { type UseMutationResult, type UseQueryResult, keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { App } from 'antd'
import type { ReactNode } from 'react'
import { NavLink } from 'react-router'
import type { ServiceName } from '../../../protocol/api-service.ts'
import { type RequestError, get, post, useSession } from '../../api.ts'
import { serviceWords } from '../../words.ts'

const tabs = [
  { path: '/service', name: serviceWords.tabs.availability, needs: 'service.read' },
  { path: '/service/months', name: serviceWords.tabs.months, needs: 'service.read' },
  { path: '/service/windows', name: serviceWords.tabs.windows, needs: 'service.read' },
  { path: '/service/requests', name: serviceWords.tabs.requests, needs: 'service.read' },
  { path: '/service/guards', name: serviceWords.tabs.guards, needs: 'service.read' },
  { path: '/service/exposure', name: serviceWords.tabs.exposure, needs: 'exposure.read' },
] as const

/** The frame of every page under 服务: its pages in a row, those that the role may see. */
export function ServicePage({ children }: { readonly children: ReactNode }) {
  const { permissions } = useSession()
  return (
    <App className="grid">
      <nav className="tabs" aria-label={serviceWords.title}>
        {tabs
          .filter((tab) => permissions.includes(tab.needs))
          .map((tab) => (
            <NavLink key={tab.path} to={tab.path} end={tab.path === '/service'}>
              {tab.name}
            </NavLink>
          ))}
      </nav>
      {children}
    </App>
  )
}

/** Reads a path under /service, again at every hint and each minute: months are reckoned, and a minute is fresh enough. */
export function useService<T>(path: string): UseQueryResult<T, RequestError> {
  return useQuery<T, RequestError, T>({ queryKey: ['service', path], queryFn: () => get<T>(`/service${path}`), refetchInterval: 60_000, retry: 1, placeholderData: keepPreviousData })
}

/** The services a form may name. */
export function useServiceNames(): readonly ServiceName[] {
  const query = useQuery<{ services: readonly ServiceName[] }, RequestError>({ queryKey: ['service', '/services'], queryFn: () => get('/service/services'), staleTime: 600_000 })
  return query.data?.services ?? []
}

/** An act under /service; a refusal is shown in the collector's words. `onDone` closes what was open. */
export function useAct(onDone: () => void): UseMutationResult<unknown, RequestError, { path: string; body: object }> {
  const session = useSession()
  const client = useQueryClient()
  const { message } = App.useApp()
  return useMutation<unknown, RequestError, { path: string; body: object }>({
    mutationFn: ({ path, body }) => post<unknown>(`/service${path}`, body, session.csrf),
    onSuccess: async () => {
      onDone()
      await client.invalidateQueries({ queryKey: ['service'] })
    },
    onError: (error) => void message.error(error.message),
  })
}
