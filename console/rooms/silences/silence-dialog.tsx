import { App, Button, Input, Modal, Select } from 'antd'
import { useState } from 'react'
import type { MatcherView, SilenceView } from '../../../protocol/api-notify.ts'
import { useNotifyAct } from '../../parts/notify-page.tsx'
import { fill, notifyWords, words } from '../../words.ts'

const w = notifyWords.silences
const HOUR_MS = 3_600_000
const ops = ['=', '!=', '=~', '!~'] as const
const nothing: readonly MatcherView[] = [{ name: 'alertname', op: '=', value: '' }]

/** Makes a silence; `initial` are the conditions it begins with, such as an alert's labels. `now` is the collector's. */
export function SilenceDialog({ initial = nothing, now, longestMs, onClose }: { readonly initial?: readonly MatcherView[]; readonly now: number; readonly longestMs: number; readonly onClose: () => void }) {
  const [matchers, setMatchers] = useState<readonly MatcherView[]>(initial)
  const [hours, setHours] = useState(2)
  const [reason, setReason] = useState('')
  const { message } = App.useApp()
  const act = useNotifyAct<SilenceView>((made) => {
    void (made.state === 'waiting' ? message.info(w.asked) : message.success(w.made))
    onClose()
  })
  const put = (index: number, change: Partial<MatcherView>): void => setMatchers(matchers.map((one, at) => (at === index ? { ...one, ...change } : one)))
  const submit = (): void => act.mutate({ path: '/silences', body: { matchers: matchers.map(({ name, op, value }) => ({ name: name.trim(), op, value })), endsAt: Math.round(now + hours * HOUR_MS), reason } })
  return (
    <Modal open title={w.add} okText={words.ok} cancelText={words.cancel} confirmLoading={act.isPending} okButtonProps={{ disabled: reason.trim() === '' || matchers.length === 0 || matchers.some((one) => one.name.trim() === '') }} onCancel={onClose} onOk={submit} width={640}>
      <div className="fields">
        <p className="soft" style={{ margin: 0 }}>
          {w.hint}
        </p>
        <strong>{w.matchers}</strong>
        <div>
          {matchers.map((one, index) => (
            <div key={index} className="matcher-row">
              <Input aria-label={`${w.label} ${index + 1}`} placeholder={w.label} value={one.name} onChange={(event) => put(index, { name: event.target.value })} />
              <Select aria-label={`${one.name} ${one.op}`} value={one.op} options={ops.map((op) => ({ value: op, label: w.ops[op] }))} onChange={(op) => put(index, { op })} />
              <Input aria-label={`${w.value} ${index + 1}`} placeholder={w.value} value={one.value} onChange={(event) => put(index, { value: event.target.value })} />
              <Button aria-label={`${w.removeMatcher} ${one.name}`} disabled={matchers.length === 1} onClick={() => setMatchers(matchers.filter((_, at) => at !== index))}>
                {w.removeMatcher}
              </Button>
            </div>
          ))}
          <Button size="small" onClick={() => setMatchers([...matchers, { name: '', op: '=', value: '' }])}>
            {w.addMatcher}
          </Button>
        </div>
        <label>
          {w.lasts}
          <Select aria-label={w.lasts} value={hours} onChange={setHours} options={Object.entries(w.lastsOptions).filter(([value]) => Number(value) * HOUR_MS <= longestMs).map(([value, label]) => ({ value: Number(value), label }))} />
          {fill(w.startsNow, { days: longestMs / 86_400_000 })}
        </label>
        <label>
          {w.reason}
          <Input.TextArea aria-label={w.reason} rows={3} maxLength={1_000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
      </div>
    </Modal>
  )
}
