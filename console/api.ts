/** The console's only door to the collector: typed requests, and live hints that make queries fetch again. */
import { type UseQueryResult, keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, useContext, useEffect, useState } from 'react'
import type { ApiError, Session, StreamHint } from '../protocol/api.ts'
import { requestFailed } from './words.ts'

const base = '/api/zhishou/v1'

/** A request that the collector refused or that never reached it (status 0). `message` is for people. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

async function request<T>(method: string, path: string, body: unknown, csrf: string | undefined): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      headers: { accept: 'application/json', ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }), ...(csrf === undefined ? {} : { 'x-zhishou-csrf': csrf }) },
      ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
    })
  } catch {
    throw new RequestError(0, 'unreachable', requestFailed(0))
  }
  if (response.status === 204) return undefined as T
  const text = await response.text()
  if (!response.ok) {
    const problem = readProblem(text)
    throw new RequestError(response.status, problem?.code ?? 'failed', problem?.message ?? requestFailed(response.status))
  }
  return JSON.parse(text) as T
}

function readProblem(text: string): ApiError | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'code' in value && 'message' in value) return { code: String(value.code), message: String(value.message) }
    return undefined
  } catch {
    return undefined
  }
}

/** Where a download lies; the browser fetches it with the session's cookie. */
export const addressOf = (path: string): string => `${base}${path}`
export const get = <T>(path: string): Promise<T> => request<T>('GET', `${base}${path}`, undefined, undefined)
export const post = <T>(path: string, body: unknown, csrf: string): Promise<T> => request<T>('POST', `${base}${path}`, body, csrf)
export const put = (path: string, body: unknown, csrf: string): Promise<void> => request<undefined>('PUT', `${base}${path}`, body, csrf)
export const remove = (path: string, body: unknown, csrf: string): Promise<void> => request<undefined>('DELETE', `${base}${path}`, body, csrf)
export const signIn = (user: string, password: string): Promise<Session> => request<Session>('POST', `${base}/session`, { user, password }, undefined)
export const signOut = (csrf: string): Promise<void> => request<undefined>('DELETE', `${base}/session`, undefined, csrf)

/** The signed-in person; rooms are only shown inside it. */
export const SessionContext = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === undefined) throw new Error('useSession outside of the signed-in frame')
  return session
}

/** Reads `path` and again whenever the collector hints at `topic`; at least every 15 s in case hints are lost. */
export function useLive<T>(topic: StreamHint['topics'][number], path: string): UseQueryResult<T, RequestError> {
  return useQuery<T, RequestError, T>({ queryKey: [topic, path], queryFn: () => get<T>(path), refetchInterval: 15_000, retry: 1, placeholderData: keepPreviousData })
}

/** Keeps the server-sent event stream open; returns whether it is. */
export function useStream(): boolean {
  const client = useQueryClient()
  const [open, setOpen] = useState(false)
  useEffect(() => {
    const source = new EventSource(`${base}/stream`)
    source.onopen = () => setOpen(true)
    source.onerror = () => setOpen(false)
    source.addEventListener('hint', (event: MessageEvent<string>) => {
      const hint = JSON.parse(event.data) as StreamHint
      for (const topic of hint.topics) void client.invalidateQueries({ queryKey: [topic] })
    })
    return () => source.close()
  }, [client])
  return open
}

/** One line of a chart: a name and its points. */
export interface Line {
  readonly name: string
  readonly points: readonly (readonly [at: number, value: number | null])[]
}

interface RangeReply {
  readonly status: string
  readonly data?: { readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly values: readonly (readonly [number, string])[] }[] }
}

/** Runs a PromQL range query through the Prometheus API; gaps longer than a step are broken lines, never bridged. */
export async function queryRange(expr: string, fromMs: number, toMs: number, stepSeconds: number, name: (labels: Readonly<Record<string, string>>) => string): Promise<Line[]> {
  const parameters = new URLSearchParams({ query: expr, start: String(fromMs / 1000), end: String(toMs / 1000), step: String(stepSeconds) })
  const reply = await request<RangeReply>('GET', `/api/v1/query_range?${parameters.toString()}`, undefined, undefined)
  return (reply.data?.result ?? []).map((series) => {
    const points: [number, number | null][] = []
    let previous: number | undefined
    for (const [seconds, text] of series.values) {
      const at = seconds * 1000
      if (previous !== undefined && at - previous > stepSeconds * 1500) points.push([previous + 1, null])
      const value = Number(text)
      points.push([at, Number.isFinite(value) ? value : null])
      previous = at
    }
    return { name: name(series.metric), points }
  })
}

/** A clock that ticks every second, set to the collector's time by `serverNow`, so that countdowns agree with it. */
export function useNow(serverNow: number | undefined): number {
  const [offset, setOffset] = useState(0)
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (serverNow !== undefined) setOffset(serverNow - Date.now())
  }, [serverNow])
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now + offset
}
