import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Alert, App, Button, Input, Modal, Segmented, Select } from 'antd'
import { useState } from 'react'
import type { DutyChange, DutyMonth, DutyNow, DutyOverrideReply, DutyPlace, DutyShift } from '../../../protocol/api-duty.ts'
import { type RequestError, get, post, useSession } from '../../api.ts'
import { clockText, fromOfficeInput, officeDay, officeInput } from '../../format.ts'
import { fill, words } from '../../words.ts'

type Kind = DutyChange['kind']

/** A button, and the forms behind it: each shows what the change would bring about before it is made. */
export function Change({ duty }: { readonly duty: DutyNow }) {
  const session = useSession()
  const [open, setOpen] = useState(false)
  if (!session.permissions.includes('duty.write')) return null
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>
        {words.duty.change}
      </Button>
      {open && <ChangeForm duty={duty} onClose={() => setOpen(false)} />}
    </>
  )
}

function ChangeForm({ duty, onClose }: { readonly duty: DutyNow; readonly onClose: () => void }) {
  const session = useSession()
  const client = useQueryClient()
  const { message } = App.useApp()
  const [kind, setKind] = useState<Kind>('substitute')
  const [body, setBody] = useState<DutyChange>()
  const [reason, setReason] = useState('')
  const preview = useQuery<DutyOverrideReply, RequestError>({
    queryKey: ['duty', 'preview', body],
    queryFn: () => post<DutyOverrideReply>('/duty/overrides', { body, preview: true }, session.csrf),
    enabled: body !== undefined,
    retry: false,
  })
  const save = useMutation<DutyOverrideReply, RequestError>({
    mutationFn: () => post<DutyOverrideReply>('/duty/overrides', { body, reason }, session.csrf),
    onSuccess: async (reply) => {
      void message.success(fill(words.duty.saved, { id: reply.id ?? '' }))
      onClose()
      await client.invalidateQueries({ queryKey: ['duty'] })
    },
    onError: (error) => void message.error(error.message),
  })
  const possible = body !== undefined && preview.data?.kind === 'possible'
  const form = { duty, onChange: setBody }
  return (
    <Modal open title={words.duty.change} okText={words.duty.save} cancelText={words.cancel} okButtonProps={{ disabled: !possible || reason.trim() === '' }} confirmLoading={save.isPending} onCancel={onClose} onOk={() => save.mutate()}>
      <div className="fields">
        <Segmented<Kind>
          block
          value={kind}
          onChange={(next) => {
            setKind(next)
            setBody(undefined)
          }}
          options={(['swap', 'substitute', 'absence'] as const).map((value) => ({ value, label: words.duty.kinds[value] }))}
        />
        {kind === 'swap' && <SwapFields {...form} />}
        {kind === 'substitute' && <SubstituteFields {...form} />}
        {kind === 'absence' && <AbsenceFields {...form} />}
        <label>
          {words.duty.reason}
          <Input value={reason} onChange={(event) => setReason(event.target.value)} maxLength={500} />
        </label>
        {body !== undefined && <Preview reply={preview.data} problem={preview.error?.message} />}
      </div>
    </Modal>
  )
}

function Preview({ reply, problem }: { readonly reply: DutyOverrideReply | undefined; readonly problem: string | undefined }) {
  if (problem !== undefined) return <Alert type="error" showIcon title={problem} />
  if (reply === undefined) return <div className="soft">{words.loading}</div>
  const title = reply.kind === 'impossible' ? words.duty.impossible : reply.faults.length > 0 ? words.duty.harm : words.duty.harmless
  return (
    <Alert
      data-preview={reply.kind}
      type={reply.kind === 'impossible' ? 'error' : reply.faults.length > 0 ? 'warning' : 'success'}
      showIcon
      title={title}
      description={
        <>
          <div>{reply.text}</div>
          {reply.faults.map((fault) => (
            <div key={fault} className="critical">
              {fault}
            </div>
          ))}
        </>
      }
    />
  )
}

interface FieldsProps {
  readonly duty: DutyNow
  /** undefined: not whole yet. */
  readonly onChange: (body: DutyChange | undefined) => void
}

/** A place with the shift it is of. */
interface Chosen extends DutyPlace {
  readonly of: DutyShift
}

function SwapFields({ duty, onChange }: FieldsProps) {
  const [places, setPlaces] = useState<readonly [Chosen | undefined, Chosen | undefined]>([undefined, undefined])
  const choose = (next: readonly [Chosen | undefined, Chosen | undefined]) => {
    setPlaces(next)
    const [first, second] = next
    onChange(first === undefined || second === undefined ? undefined : { kind: 'swap', first: placeOf(first), second: placeOf(second) })
  }
  return (
    <>
      <PlaceFields duty={duty} dateLabel={words.duty.date} label={words.duty.place} onChange={(first) => choose([first, places[1]])} />
      <PlaceFields duty={duty} dateLabel={words.duty.otherDate} label={words.duty.otherPlace} onChange={(second) => choose([places[0], second])} />
    </>
  )
}

function SubstituteFields({ duty, onChange }: FieldsProps) {
  const [place, setPlace] = useState<Chosen>()
  const [standIn, setStandIn] = useState<string>()
  const [span, setSpan] = useState<Span>(['', ''])
  const tell = (next: { place: Chosen | undefined; standIn: string | undefined; span: Span }) => {
    setPlace(next.place)
    setStandIn(next.standIn)
    setSpan(next.span)
    const [from, to] = [instantOfField(next.span[0]), instantOfField(next.span[1])]
    const whole = next.place !== undefined && next.standIn !== undefined && from !== undefined && to !== undefined
    onChange(whole && next.place !== undefined && next.standIn !== undefined ? { kind: 'substitute', roster: next.place.roster, out: next.place.person === '' ? null : next.place.person, in: next.standIn, from, to } : undefined)
  }
  return (
    <>
      <PlaceFields duty={duty} dateLabel={words.duty.date} label={words.duty.out} addition onChange={(chosen) => tell({ place: chosen, standIn, span: chosen === undefined ? span : [officeInput(chosen.of.from), officeInput(chosen.of.to)] })} />
      <PersonField duty={duty} label={words.duty.standIn} value={standIn} onChange={(person) => tell({ place, standIn: person, span })} />
      <SpanFields span={span} onChange={(next) => tell({ place, standIn, span: next })} />
    </>
  )
}

function AbsenceFields({ duty, onChange }: FieldsProps) {
  const [person, setPerson] = useState<string>()
  const [span, setSpan] = useState<Span>(['', ''])
  const tell = (who: string | undefined, next: Span) => {
    setPerson(who)
    setSpan(next)
    const [from, to] = [instantOfField(next[0]), instantOfField(next[1])]
    onChange(who === undefined || from === undefined || to === undefined ? undefined : { kind: 'absence', person: who, from, to })
  }
  return (
    <>
      <PersonField duty={duty} label={words.duty.person} value={person} onChange={(who) => tell(who, span)} />
      <SpanFields span={span} onChange={(next) => tell(person, next)} />
    </>
  )
}

function PersonField({ duty, label, value, onChange }: { readonly duty: DutyNow; readonly label: string; readonly value: string | undefined; readonly onChange: (person: string) => void }) {
  return (
    <label>
      {label}
      <Select<string> aria-label={label} {...(value === undefined ? {} : { value })} onChange={onChange} options={duty.people.map((one) => ({ value: one.id, label: one.name }))} />
    </label>
  )
}

/** Two fields of local time, as they are written. */
type Span = readonly [string, string]

function SpanFields({ span, onChange }: { readonly span: Span; readonly onChange: (span: Span) => void }) {
  return (
    <div className="pair">
      <label>
        {words.duty.from}
        <input type="datetime-local" value={span[0]} onChange={(event) => onChange([event.target.value, span[1]])} />
      </label>
      <label>
        {words.duty.to}
        <input type="datetime-local" value={span[1]} onChange={(event) => onChange([span[0], event.target.value])} />
      </label>
    </div>
  )
}

function placeOf({ roster, shift, date, person }: Chosen): DutyPlace {
  return { roster, shift, date, person }
}

/** A day, then whose place in which of its shifts. `addition`: a shift may be chosen without anybody of it. */
function PlaceFields({ duty, dateLabel, label, addition = false, onChange }: { readonly duty: DutyNow; readonly dateLabel: string; readonly label: string; readonly addition?: boolean; readonly onChange: (place: Chosen | undefined) => void }) {
  const [date, setDate] = useState(officeDay(duty.now))
  const [key, setKey] = useState<string>()
  const query = useQuery<DutyMonth, RequestError>({ queryKey: ['duty', 'day', date], queryFn: () => get<DutyMonth>(`/duty/shifts?from=${date}&to=${date}`), enabled: date !== '' })
  const places = (query.data?.shifts ?? []).flatMap((shift) => placesOf(shift, addition))
  return (
    <>
      <label>
        {dateLabel}
        <input
          type="date"
          value={date}
          onChange={(event) => {
            setDate(event.target.value)
            setKey(undefined)
            onChange(undefined)
          }}
        />
      </label>
      <label>
        {label}
        <Select<string>
          aria-label={label}
          loading={query.isFetching}
          popupMatchSelectWidth={false}
          {...(key === undefined ? {} : { value: key })}
          onChange={(chosen) => {
            setKey(chosen)
            onChange(places.find((one) => one.key === chosen)?.place)
          }}
          options={places.map((one) => ({ value: one.key, label: one.label }))}
          notFoundContent={words.duty.noShifts}
        />
      </label>
    </>
  )
}

/** Everybody who is in the shift or away from it; one place each. */
function placesOf(shift: DutyShift, addition: boolean): readonly { readonly key: string; readonly label: string; readonly place: Chosen }[] {
  const people = new Map(shift.stretches.flatMap((stretch) => [...stretch.people, ...stretch.away].map((one) => [one.id, one.name] as const)))
  if (addition) people.set('', words.duty.addition)
  const when = `${shift.rosterTitle} ${shift.title} ${clockText(shift.from)}–${clockText(shift.to)}`
  return [...people].map(([person, name]) => ({ key: `${shift.key}/${person}`, label: `${name} · ${when}`, place: { roster: shift.roster, shift: shift.shift, date: shift.date, person, of: shift } }))
}

/** The moment that a field of local time names; undefined while it is not whole. */
function instantOfField(text: string): number | undefined {
  const at = fromOfficeInput(text)
  return Number.isNaN(at) ? undefined : at
}
