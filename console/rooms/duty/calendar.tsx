import { Button, Grid, Modal, Select, Tag } from 'antd'
import { useState } from 'react'
import type { DutyDay, DutyGap, DutyMonth, DutyNow, DutyShift } from '../../../protocol/api-duty.ts'
import { useLive } from '../../api.ts'
import { clockText, officeDay, daysAfter, minuteText, startOfDay } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { dayWords, fill, words } from '../../words.ts'

const DAY_MS = 86_400_000

/** 0 for Monday to 6 for Sunday. */
const weekdayOf = (date: string): number => (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7

/** `2026-11` so many months later. */
function monthAfter(month: string, count: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number - 1 + count, 1)).toISOString().slice(0, 7)
}

/** A month at a time: who when, holidays and make-up days, and what is not manned in red with its hours. */
export function Calendar({ duty }: { readonly duty: DutyNow }) {
  const wide = Grid.useBreakpoint().md === true
  const today = officeDay(duty.now)
  const [month, setMonth] = useState(today.slice(0, 7))
  const [roster, setRoster] = useState('')
  const [chosen, setChosen] = useState<string>()
  const [past, setPast] = useState(false)
  const first = `${month}-01`
  const last = daysAfter(`${monthAfter(month, 1)}-01`, -1)
  const from = wide ? daysAfter(first, -weekdayOf(first)) : first
  const to = wide ? daysAfter(last, 6 - weekdayOf(last)) : last
  const query = useLive<DutyMonth>('duty', `/duty/shifts?from=${from}&to=${to}`)
  return (
    <section className="card" aria-label={month}>
      <div className="row spread" style={{ marginBottom: 12 }}>
        <span className="row">
          <Button onClick={() => setMonth(monthAfter(month, -1))} aria-label={words.duty.previous}>
            ‹
          </Button>
          <strong style={{ fontVariantNumeric: 'tabular-nums' }}>{month}</strong>
          <Button onClick={() => setMonth(monthAfter(month, 1))} aria-label={words.duty.following}>
            ›
          </Button>
          {month !== today.slice(0, 7) && <Button onClick={() => setMonth(today.slice(0, 7))}>{words.duty.today}</Button>}
        </span>
        <Select
          value={roster}
          onChange={setRoster}
          style={{ minWidth: 190 }}
          aria-label={words.duty.allRosters}
          options={[{ value: '', label: words.duty.allRosters }, ...duty.shifts.map((one) => ({ value: one.roster, label: one.title }))]}
        />
      </div>
      <Loaded query={query}>
        {(data) => {
          const shown = { ...data, shifts: data.shifts.filter((shift) => roster === '' || shift.roster === roster) }
          // A phone's list begins with today; the days before it are one tap away.
          const days = wide || past ? shown.days : shown.days.filter((one) => one.date >= today || !month.startsWith(today.slice(0, 7)))
          const day = shown.days.find((one) => one.date === chosen)
          return (
            <>
              <div className={wide ? 'month' : 'agenda grid'} style={wide ? undefined : { gap: 8 }}>
                {wide &&
                  words.duty.weekdays.map((name) => (
                    <div key={name} className="weekday">
                      {name}
                    </div>
                  ))}
                {days.length < shown.days.length && <Button onClick={() => setPast(true)}>{words.duty.past}</Button>}
                {days.map((one) => (
                  <Day key={one.date} day={one} month={shown} outside={!one.date.startsWith(month)} today={one.date === today} named={roster === ''} onOpen={() => setChosen(one.date)} />
                ))}
              </div>
              <Modal open={day !== undefined} onCancel={() => setChosen(undefined)} footer={null} title={day === undefined ? '' : titleOf(day)} destroyOnHidden>
                {day !== undefined && <DayDetail day={day} month={shown} />}
              </Modal>
            </>
          )
        }}
      </Loaded>
    </section>
  )
}

function titleOf(day: DutyDay): string {
  return `${day.date}（${words.duty.weekdays[weekdayOf(day.date)] ?? ''}）${day.name}${dayWords[day.kind]}`
}

const gapsOf = (gaps: readonly DutyGap[], date: string): readonly DutyGap[] => gaps.filter((gap) => gap.from < startOfDay(date) + DAY_MS && gap.to > startOfDay(date))

/** `18:00–24:00`: the part of a gap that lies in one day. */
function hoursOf(gap: DutyGap, date: string): string {
  const [start, end] = [startOfDay(date), startOfDay(date) + DAY_MS]
  return `${clockText(Math.max(gap.from, start))}–${gap.to >= end ? '24:00' : clockText(gap.to)}`
}

function Day({ day, month, outside, today, named, onOpen }: { readonly day: DutyDay; readonly month: DutyMonth; readonly outside: boolean; readonly today: boolean; readonly named: boolean; readonly onOpen: () => void }) {
  const rest = day.kind === 'weekend' || day.kind === 'holiday'
  const shifts = month.shifts.filter((shift) => shift.date === day.date)
  const rosters = [...new Set(shifts.map((shift) => shift.rosterTitle))]
  const hours = [...new Set(gapsOf(month.gaps, day.date).map((gap) => hoursOf(gap, day.date)))]
  return (
    <button type="button" className={`day${rest ? ' rest' : ''}${outside ? ' outside' : ''}${today ? ' today' : ''}`} data-date={day.date} data-gaps={hours.length} onClick={onOpen}>
      <span className="date">
        {Number(day.date.slice(8))}
        {day.kind === 'unknown' ? <small className="critical">{words.duty.unknownDay}</small> : dayWords[day.kind] !== '' && <small className={day.kind}>{`${dayWords[day.kind]} ${day.name}`}</small>}
      </span>
      {hours.map((text) => (
        <span key={text} className="gap">
          {fill(words.duty.gap, { hours: text })}
        </span>
      ))}
      {rosters.map((title) => {
        const people = peopleOf(shifts.filter((shift) => shift.rosterTitle === title))
        return (
          people.length > 0 && (
            <span key={title} className="line">
              {named && <b>{title} </b>}
              {people.map((person, index) => (
                <span key={person.name} className={person.changed ? 'info' : undefined}>
                  {index > 0 && '、'}
                  {person.name}
                  {person.changed && ` ${words.duty.changed}`}
                </span>
              ))}
            </span>
          )
        )
      })}
    </button>
  )
}

/** Each person once; changed where any of their stretches is. */
function peopleOf(shifts: readonly DutyShift[]): readonly { readonly name: string; readonly changed: boolean }[] {
  const found = new Map<string, boolean>()
  for (const shift of shifts) for (const stretch of shift.stretches) for (const { name, changed } of stretch.people) found.set(name, changed || found.get(name) === true)
  return [...found].map(([name, changed]) => ({ name, changed }))
}

function DayDetail({ day, month }: { readonly day: DutyDay; readonly month: DutyMonth }) {
  const shifts = month.shifts.filter((shift) => shift.date === day.date)
  return (
    <div className="grid" style={{ gap: 12 }}>
      {gapsOf(month.gaps, day.date).map((gap) => (
        <div key={`${gap.of}-${gap.title}-${gap.from}`} className="critical">
          {gap.text}
        </div>
      ))}
      {shifts.length === 0 && <div className="soft">{words.duty.noShifts}</div>}
      {shifts.map((shift) => (
        <div key={shift.key}>
          <strong>
            {shift.rosterTitle} · {shift.title}
          </strong>{' '}
          <span className="soft">
            {minuteText(shift.from)} – {minuteText(shift.to)}
          </span>
          {shift.unknownYear !== null && <div className="critical">{fill(words.duty.unknownShift, { year: shift.unknownYear })}</div>}
          {shift.stretches.map((stretch) => (
            <div key={stretch.from} className="row" style={{ gap: '2px 10px' }}>
              {shift.stretches.length > 1 && (
                <span className="soft">
                  {clockText(stretch.from)}–{clockText(stretch.to)}
                </span>
              )}
              {stretch.people.map((person) => (
                <span key={person.id}>
                  {person.name} <Tag color={person.changed ? 'blue' : 'default'}>{person.why}</Tag>
                </span>
              ))}
              {stretch.away.map((person) => (
                <span key={person.id} className="critical">
                  <s>{person.name}</s> {person.why}
                </span>
              ))}
            </div>
          ))}
        </div>
      ))}
    </div>
  )
}
