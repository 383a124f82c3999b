import { Tag } from 'antd'
import type { IntervalName, ReceiverView, RouteView, RoutingView } from '../../../protocol/api-notify.ts'
import { useLive } from '../../api.ts'
import { durationText } from '../../format.ts'
import { Loaded } from '../../parts/loaded.tsx'
import { NotifyPage } from '../../parts/notify-page.tsx'
import { fill, notifyWords } from '../../words.ts'
import { TryOut } from './try-out.tsx'

const w = notifyWords.routing

/** The tree as it decides now, who is behind each receiver, and a try-out. */
export function RoutingRoom() {
  const query = useLive<RoutingView>('notify', '/routing')
  return (
    <NotifyPage>
      <TryOut />
      <Loaded query={query}>
        {(data) => (
          <>
            <section className="card" aria-label={w.tree}>
              <strong>{w.tree}</strong>
              <RouteNode route={data.route} root />
            </section>
            <section className="card" aria-label={w.receivers}>
              <strong>{w.receivers}</strong>
              {data.receivers.map((one) => (
                <Receiver key={one.name} receiver={one} />
              ))}
            </section>
            <section className="card" aria-label={w.inhibitions}>
              <strong>{w.inhibitions}</strong>
              {data.inhibitions.length === 0 && <div className="soft">{w.noInhibitions}</div>}
              {data.inhibitions.map((one, index) => (
                <div key={index} className="wrap">
                  {fill(w.inhibition, { source: one.source.join(' '), target: one.target.join(' ') })}
                  {one.equal.length > 0 && fill(w.equal, { labels: one.equal.join('、') })}
                </div>
              ))}
            </section>
            <section className="card" aria-label={w.times}>
              <strong>{w.times}</strong>
              {data.times.length === 0 && <div className="soft">{w.noTimes}</div>}
              {data.times.map((one) => (
                <div key={one.name} className="row">
                  <strong>{one.name}</strong>
                  <span>{one.text.join('；')}</span>
                  {one.holds && <Tag color="gold">{w.holds}</Tag>}
                </div>
              ))}
            </section>
          </>
        )}
      </Loaded>
    </NotifyPage>
  )
}

const named = (list: readonly IntervalName[]): string => list.map((one) => `${one.name}${one.holds ? w.holds : ''}`).join('、')

function RouteNode({ route, root = false }: { readonly route: RouteView; readonly root?: boolean }) {
  const groups = route.groupBy === null ? w.groupAll : route.groupBy.length === 0 ? w.groupNone : fill(w.groupBy, { labels: route.groupBy.join('、') })
  return (
    <div className="route" data-route={route.id}>
      <div className="row">
        {route.matchers.map((one) => (
          <span key={one} className="matcher">
            {one}
          </span>
        ))}
        {route.matchers.length === 0 && <span className="soft">{root ? w.root : w.always}</span>}
        <strong>→ {route.receiver}</strong>
        {route.groups > 0 && <Tag color="blue">{fill(w.groups, { count: route.groups })}</Tag>}
      </div>
      <div className="soft row">
        <span>{groups}</span>
        <span>{fill(w.wait, { time: durationText(route.groupWaitMs) })}</span>
        <span>{fill(w.interval, { time: durationText(route.groupIntervalMs) })}</span>
        <span>{fill(w.repeat, { time: durationText(route.repeatIntervalMs) })}</span>
        {route.muteTimes.length > 0 && <span className="warning">{fill(w.mute, { names: named(route.muteTimes) })}</span>}
        {route.activeTimes.length > 0 && <span>{fill(w.active, { names: named(route.activeTimes) })}</span>}
        {route.continue && <span>{w.goesOn}</span>}
      </div>
      {route.routes.map((one) => (
        <RouteNode key={one.id} route={one} />
      ))}
    </div>
  )
}

/** A receiver with who is behind it now. */
export function Receiver({ receiver }: { readonly receiver: ReceiverView }) {
  return (
    <div className="message" data-receiver={receiver.name}>
      <strong>{receiver.name}</strong>
      {receiver.targets.length === 0 && <div className="critical">{w.noTargets}</div>}
      {receiver.targets.map((one) => (
        <div key={one.name} className="row">
          <span>
            <i className={`dot ${one.up === null ? '' : one.up ? 'up' : 'down'}`} />
            {one.channel}
          </span>
          {one.roster !== null && <span className="soft">{fill(w.roster, { name: one.roster })}</span>}
          <span className="wrap">{[...one.people, ...one.addresses].join('、')}</span>
          {one.nobody !== null && <span className="critical">{one.nobody}</span>}
          <span className="soft">{one.sendResolved ? w.resolvedToo : w.resolvedNot}</span>
        </div>
      ))}
    </div>
  )
}
