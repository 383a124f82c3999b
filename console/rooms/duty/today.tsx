import { Tag } from 'antd'
import type { DutyNow, DutyPerson, DutyRosterNow } from '../../../protocol/api-duty.ts'
import { minuteText } from '../../format.ts'
import { fill, words } from '../../words.ts'

/** One card a roster: who now, until when, why, and how to reach them. */
export function Today({ duty }: { readonly duty: DutyNow }) {
  return (
    <>
      <div className="grid" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(min(260px, 100%), 1fr))' }}>
        {duty.rosters.map((roster) => (
          <RosterCard key={roster.name} roster={roster} />
        ))}
        {duty.roles.length > 0 && (
          <section className="card">
            <strong>{words.duty.standing}</strong>
            {duty.roles.map((role) => (
              <div key={role.name} style={{ marginTop: 8 }}>
                <span className="soft">{role.title}</span>
                {role.people.length === 0 ? <div className="critical">{words.duty.nobody}</div> : role.people.map((person) => <Contact key={person.id} person={person} />)}
              </div>
            ))}
          </section>
        )}
      </div>
      {!duty.contacts && <div className="soft">{words.duty.noContacts}</div>}
    </>
  )
}

function RosterCard({ roster }: { readonly roster: DutyRosterNow }) {
  return (
    <section className="card" data-roster={roster.name}>
      <strong>{roster.title}</strong>
      {roster.nobody !== null && (
        <div className="critical" style={{ marginTop: 8 }}>
          <b>{words.duty.nobody}</b> {roster.nobody}
        </div>
      )}
      {roster.nobody === null && roster.people.length === 0 && (
        <div className="soft" style={{ marginTop: 8 }}>
          {words.duty.off}
        </div>
      )}
      {roster.people.map((turn) => (
        <div key={turn.person.id} style={{ marginTop: 8 }}>
          <Contact person={turn.person} />
          <div className="soft row" style={{ gap: '2px 10px', fontSize: 13 }}>
            <span>{turn.shift}</span>
            <span>{fill(words.duty.until, { until: minuteText(turn.until) })}</span>
            <span>{turn.why}</span>
            {turn.handingOver && <Tag color="gold">{words.duty.handingOver}</Tag>}
          </div>
        </div>
      ))}
      {roster.next !== null && (
        <div className="soft" style={{ marginTop: 10, fontSize: 13 }}>
          {fill(words.duty.next, { from: minuteText(roster.next.from), people: roster.next.people.length === 0 ? words.duty.nobody : roster.next.people.join('、') })}
        </div>
      )}
    </section>
  )
}

/** A name with its ways: one tap calls. */
function Contact({ person }: { readonly person: DutyPerson }) {
  return (
    <div className="row" style={{ gap: '0 12px' }}>
      <b style={{ fontSize: 16 }}>{person.name}</b>
      {person.phone !== null && (
        <a href={`tel:${person.phone}`} aria-label={fill(words.duty.call, { name: person.name, phone: person.phone })} style={{ padding: '6px 0' }}>
          {person.phone}
        </a>
      )}
      {person.mail !== null && <a href={`mailto:${person.mail}`}>{person.mail}</a>}
    </div>
  )
}
