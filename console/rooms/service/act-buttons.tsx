import { Button } from 'antd'
import { useState } from 'react'
import { useSession } from '../../api.ts'
import { type Field, type Filled, FormDialog } from '../../parts/form-dialog.tsx'
import { useAct } from './service-page.tsx'

/** Something that may be done under /service: its button, its dialog, and what is sent where. */
export interface ServiceAct {
  /** On the button, and over the dialog where `heading` does not say more. */
  readonly title: string
  readonly heading?: string
  readonly hint?: string
  readonly path: string
  readonly fields: readonly Field[]
  readonly look?: 'primary' | 'danger' | 'urgent'
  /** undefined: it was not filled in rightly, and the dialog stays. */
  body(filled: Filled): object | undefined
}

/** A button for each act, for who may write; each opens its dialog, which closes when the collector has taken it. */
export function ActButtons({ acts }: { readonly acts: readonly ServiceAct[] }) {
  const session = useSession()
  const [open, setOpen] = useState<ServiceAct>()
  const act = useAct(() => setOpen(undefined))
  if (!session.permissions.includes('service.write')) return null
  return (
    <>
      {acts.map((one) => (
        <Button key={one.path} type={one.look === 'primary' || one.look === 'urgent' ? 'primary' : 'default'} danger={one.look === 'danger' || one.look === 'urgent'} onClick={() => setOpen(one)}>
          {one.title}
        </Button>
      ))}
      {open !== undefined && (
        <FormDialog
          open title={open.heading ?? open.title} {...(open.hint === undefined ? {} : { hint: open.hint })} fields={open.fields} pending={act.isPending} danger={open.look === 'danger'}
          onCancel={() => setOpen(undefined)}
          onSubmit={(filled) => {
            const body = open.body(filled)
            if (body !== undefined) act.mutate({ path: open.path, body })
          }}
        />
      )}
    </>
  )
}
