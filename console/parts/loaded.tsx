import type { UseQueryResult } from '@tanstack/react-query'
import { Alert, Button, Spin } from 'antd'
import type { ReactNode } from 'react'
import { words } from '../words.ts'

/** Shows what a query found; an error is shown above old data rather than instead of it. */
export function Loaded<T>({ query, children }: { readonly query: UseQueryResult<T, Error>; readonly children: (data: T) => ReactNode }) {
  const problem = query.error === null ? null : <Alert type="error" showIcon title={query.error.message} action={<Button onClick={() => void query.refetch()}>{words.retry}</Button>} style={{ marginBottom: 12 }} />
  if (query.data === undefined) return problem ?? <Spin description={words.loading} style={{ display: 'block', margin: '48px auto' }} />
  return (
    <>
      {problem}
      {children(query.data)}
    </>
  )
}
