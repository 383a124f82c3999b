import { useMutation, useQueryClient } from '@tanstack/react-query'
import { App, Button, Empty, Input, Modal, Tag } from 'antd'
import { useState } from 'react'
import type { DutyOverride, DutyOverrides } from '../../../protocol/api-duty.ts'
import { type RequestError, remove, useLive, useSession } from '../../api.ts'
import { timeText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { fill, words } from '../../words.ts'

/** What people changed, newest first; what is in force can be taken back. */
export function Changes({ now }: { readonly now: number }) {
  const session = useSession()
  const query = useLive<DutyOverrides>('duty', '/duty/overrides')
  const [undoing, setUndoing] = useState<DutyOverride>()
  return (
    <Loaded query={query}>
      {(data) => (
        <>
          {data.overrides.length === 0 && (
            <div className="card">
              <Empty description={words.duty.noChanges} />
            </div>
          )}
          {data.overrides.map((one) => (
            <section key={one.id} className="card" data-override={one.id}>
              <div className="row spread">
                <span className="row" style={{ gap: 8 }}>
                  <Tag>{one.id}</Tag>
                  <Tag color="blue">{words.duty.kinds[one.body.kind]}</Tag>
                  <span style={one.revoked === null ? undefined : { textDecoration: 'line-through' }}>{one.text}</span>
                </span>
                {one.revoked === null && session.permissions.includes('duty.write') && (
                  <Button danger onClick={() => setUndoing(one)}>
                    {words.duty.undo}
                  </Button>
                )}
              </div>
              <div className="soft row">
                <span>{fill(words.duty.madeBy, { who: one.by, at: timeText(one.at, now) })}</span>
                {one.reason !== null && <span>{fill(words.duty.because, { reason: one.reason })}</span>}
                {one.revoked !== null && <span>{fill(words.duty.undoneBy, { who: one.revoked.by, at: timeText(one.revoked.at, now) })}</span>}
                {one.revoked !== null && one.revoked.reason !== null && <span>{fill(words.duty.because, { reason: one.revoked.reason })}</span>}
              </div>
            </section>
          ))}
          {undoing !== undefined && <Undo override={undoing} onClose={() => setUndoing(undefined)} />}
        </>
      )}
    </Loaded>
  )
}

function Undo({ override, onClose }: { readonly override: DutyOverride; readonly onClose: () => void }) {
  const session = useSession()
  const client = useQueryClient()
  const { message } = App.useApp()
  const [reason, setReason] = useState('')
  const act = useMutation<void, RequestError>({
    mutationFn: () => remove(`/duty/overrides/${override.id}`, { reason }, session.csrf),
    onSuccess: async () => {
      void message.success(words.duty.undone)
      onClose()
      await client.invalidateQueries({ queryKey: ['duty'] })
    },
    onError: (error) => void message.error(error.message),
  })
  return (
    <Modal open title={fill(words.duty.undoTitle, { id: override.id })} okText={words.duty.undo} cancelText={words.cancel} okButtonProps={{ danger: true, disabled: reason.trim() === '' }} confirmLoading={act.isPending} onCancel={onClose} onOk={() => act.mutate()}>
      <p>{override.text}</p>
      <Input value={reason} onChange={(event) => setReason(event.target.value)} placeholder={words.duty.reason} aria-label={words.duty.reason} maxLength={500} />
    </Modal>
  )
}
