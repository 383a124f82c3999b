import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { App, Select } from 'antd'
import type { AccountLinks } from '../../../protocol/api.ts'
import { type RequestError, get, put, useSession } from '../../api.ts'
import { words } from '../../words.ts'

const w = words.duty.accounts

/** Which person of the roster uses which account: what is somebody's own, and who is a second person, goes by it. */
export function Accounts() {
  const session = useSession()
  const client = useQueryClient()
  const { message } = App.useApp()
  const may = session.permissions.includes('accounts.link')
  const query = useQuery({ queryKey: ['duty', 'accounts'], queryFn: () => get<AccountLinks>('/accounts/links'), enabled: may })
  const link = useMutation<void, RequestError, { readonly user: string; readonly person: string | null }>({
    mutationFn: ({ user, person }) => put(`/accounts/${encodeURIComponent(user)}/person`, { person }, session.csrf),
    onSuccess: async () => {
      await Promise.all(['duty', 'incidents', 'choices', 'session'].map((topic) => client.invalidateQueries({ queryKey: [topic] })))
      message.success(w.kept)
    },
    onError: (error) => void message.error(error.message),
  })
  if (!may || query.data === undefined) return null
  const { accounts, people } = query.data
  return (
    <section className="card" aria-label={w.title}>
      <strong>{w.title}</strong>
      <div className="soft">{w.hint}</div>
      {accounts.map(({ user, person }) => (
        <div key={user} className="row spread" data-account={user}>
          <span>{user === session.user ? `${user}（${w.me}）` : user}</span>
          <Select
            allowClear placeholder={w.nobody} aria-label={`${user} ${w.title}`} style={{ minWidth: 220 }} showSearch={{ optionFilterProp: 'label' }} loading={link.isPending} value={person}
            options={people.map(({ id, name }) => ({ value: id, label: `${name}（${id}）` }))}
            onChange={(chosen: string | undefined) => link.mutate({ user, person: chosen ?? null })}
          />
        </div>
      ))}
    </section>
  )
}
