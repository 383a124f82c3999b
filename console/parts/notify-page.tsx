import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query'
import { App } from 'antd'
import type { ReactNode } from 'react'
import { NavLink } from 'react-router'
import { type RequestError, post, useSession } from '../api.ts'
import { notifyWords } from '../words.ts'

const tabs = [
  { path: '/notify', name: notifyWords.tabs.notify, needs: 'overview.read' },
  { path: '/silences', name: notifyWords.tabs.silences, needs: 'alerts.read' },
  { path: '/routing', name: notifyWords.tabs.routing, needs: 'alerts.read' },
] as const

/** The frame of the three rooms around messages, one step from each other also on a phone. */
export function NotifyPage({ children }: { readonly children: ReactNode }) {
  const { permissions } = useSession()
  return (
    <App className="grid">
      <nav className="tabs" aria-label={notifyWords.tabs.notify}>
        {tabs
          .filter((tab) => permissions.includes(tab.needs))
          .map((tab) => (
            <NavLink key={tab.path} to={tab.path}>
              {tab.name}
            </NavLink>
          ))}
      </nav>
      {children}
    </App>
  )
}

/** An act in these rooms; a refusal is shown in the collector's words. `onDone` hears what came of it. */
export function useNotifyAct<T>(onDone: (result: T) => void): UseMutationResult<T, RequestError, { path: string; body: object }> {
  const session = useSession()
  const client = useQueryClient()
  const { message } = App.useApp()
  return useMutation<T, RequestError, { path: string; body: object }>({
    mutationFn: ({ path, body }) => post<T>(path, body, session.csrf),
    onSuccess: async (result) => {
      onDone(result)
      await client.invalidateQueries({ queryKey: ['notify'] })
    },
    onError: (error) => void message.error(error.message),
  })
}
