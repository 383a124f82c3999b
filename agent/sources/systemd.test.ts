import { describe, expect, it } from 'vitest'
import { type Answer, dbusPeer } from '../../test/dbus-peer.ts'
import { memoryHost, recordingSink } from '../../test/memory-host.ts'
import type { DBusValue } from './dbus.ts'
import { parseUnits, parseVersion, systemd } from './systemd.ts'

const unit = (name: string, state: string, load = 'loaded'): DBusValue => [
  name, 'd', load, state, 'x', '', `/org/freedesktop/systemd1/unit/${name.replace(/\W/g, '_')}`, 0, '', '/',
]

/** systemd as the bus shows it; the test changes `list` between reads. */
function machine(private_: boolean) {
  const state: { list: DBusValue[]; asked: string[]; paths: string[] } = {
    list: [unit('sshd.service', 'active'), unit('gone.service', 'inactive', 'not-found'), unit('dev-sda.device', 'active'), unit('daily.timer', 'active'), unit('x.socket', 'active')],
    asked: [],
    paths: [],
  }
  const answer = (member: string, args: readonly DBusValue[], path: string): Answer => {
    state.asked.push(`${member} ${args.map(String).join(' ')} ${path}`)
    if (member === 'ListUnits') return { signature: 'a(ssssssouso)', body: [state.list] }
    if (member === 'Hello') return { signature: 's', body: [':1.7'] }
    const variant = (signature: string, value: DBusValue): Answer => ({ signature: 'v', body: [{ signature, value }] })
    const [, wanted] = args
    switch (typeof wanted === 'string' ? wanted : '') {
      case 'SystemState':
        return variant('s', 'degraded')
      case 'Version':
        return variant('s', '219')
      case 'Type':
        return variant('s', 'notify')
      case 'LastTriggerUSec':
        return variant('t', 1_795_000_000_500_000n)
      case 'NAccepted':
        return variant('u', 12)
      case 'NConnections':
        return variant('u', 2)
      default:
        return { error: 'org.freedesktop.DBus.Error.UnknownProperty' }
    }
  }
  const host = memoryHost({
    files: { '/run/systemd/system/x': '' },
    connectUnix: (path) => {
      state.paths.push(path)
      const socket = dbusPeer(answer)
      if (path === '/run/systemd/private' && !private_) process.nextTick(() => socket.destroy(new Error('EACCES')))
      return socket
    },
  })
  return { host, state }
}
const signal = new AbortController().signal

describe('systemd source', () => {
  it('gives states, types, timers, sockets and the version under the names of node_exporter', async () => {
    const { host, state } = machine(true)
    const sink = recordingSink()
    expect(await systemd.read(host, sink, signal)).toEqual({ kind: 'ok', value: undefined })
    expect(sink.samples).toMatchObject({
      'node_systemd_unit_state{name="sshd.service",state="active",type="notify"}': 1,
      'node_systemd_unit_state{name="sshd.service",state="failed",type="notify"}': 0,
      'node_systemd_unit_state{name="daily.timer",state="active"}': 1,
      'node_systemd_timer_last_trigger_seconds{name="daily.timer"}': 1_795_000_000.5,
      'node_systemd_socket_accepted_connections_total{name="x.socket"}': 12,
      'node_systemd_socket_current_connections{name="x.socket"}': 2,
      'node_systemd_units{state="active"}': 4,
      'node_systemd_units{state="inactive"}': 1,
      node_systemd_system_running: 0,
      'node_systemd_version{version="219"}': 219,
      'zhishou_events_total{kind="unit-failed",severity="warning"}': 0,
    })
    expect(Object.keys(sink.samples).filter((name) => /gone|dev-sda|refused/.test(name))).toEqual([])
    expect(state.paths).toEqual(['/run/systemd/private'])
  })

  it('uses the system bus where its own socket is for root only, and asks for types once', async () => {
    const { host, state } = machine(false)
    await systemd.read(host, recordingSink(), signal)
    await systemd.read(host, recordingSink(), signal)
    expect(state.paths).toEqual(['/run/systemd/private', '/run/dbus/system_bus_socket', '/run/systemd/private', '/run/dbus/system_bus_socket'])
    expect(state.asked.filter((asked) => asked.includes('Service Type'))).toHaveLength(1)
  })

  it('tells a unit that turns failed, each time, and not one that had failed before', async () => {
    const { host, state } = machine(true)
    const failing = (name: string): number => state.list.push(unit(name, 'failed'))
    const tick = async () => {
      const sink = recordingSink()
      await systemd.read(host, sink, signal)
      return { told: sink.events.map((event) => event.labels['unit']), count: sink.samples['zhishou_events_total{kind="unit-failed",severity="warning"}'] }
    }
    failing('old.service')
    expect(await tick()).toEqual({ told: [], count: 0 })
    failing('new.service')
    expect(await tick()).toEqual({ told: ['new.service'], count: 1 })
    expect(await tick()).toEqual({ told: [], count: 1 })
    state.list = state.list.slice(0, 5)
    expect(await tick()).toEqual({ told: [], count: 1 })
    failing('new.service')
    expect(await tick()).toEqual({ told: ['new.service'], count: 2 })
  })

  it('is absent where systemd does not run the machine', async () => {
    expect(await systemd.read(memoryHost({}), recordingSink(), signal)).toMatchObject({ kind: 'absent' })
    expect(await systemd.read(memoryHost({ connectUnix: () => dbusPeer(() => ({ error: 'x' })) }), recordingSink(), signal)).toMatchObject({ kind: 'absent' })
  })

  it('refuses a list that is none', () => {
    expect(() => parseUnits(['x'])).toThrow('no list')
    expect(() => parseUnits([[['a', 'b']]])).toThrow('without name')
    expect(parseVersion('252.38-1~deb12u1')).toEqual({ text: '252.38-1~deb12u1', number: 252.38 })
  })
})
