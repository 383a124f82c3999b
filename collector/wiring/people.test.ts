/** Accounts and the duty file's people, brought together over a real state.db. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dutyRig } from '../../test/duty-rig.ts'
import type { DutyRig } from '../../test/duty-rig.ts'
import { accountsRoom, peopleNow } from './people.ts'

let rig: DutyRig
beforeEach(async () => {
  rig = await dutyRig(Date.UTC(2026, 10, 22, 2))
})
afterEach(() => rig.close())

describe('accounts and people', () => {
  it('a link makes one human being of the two; what is named on an incident is then mine', async () => {
    const room = accountsRoom({ state: rig.state, duty: rig.duty, now: () => rig.now })
    const { accounts, people } = await room.links()
    expect([accounts, people[0]]).toEqual([[{ user: 'user-duty', role: 'duty', person: null }], { id: 'engineer-1', name: '示例工程师一' }])
    expect(await room.link('user-duty', '示例工程师九', 'admin')).toMatchObject({ kind: 'refused', status: 422, message: expect.stringContaining('相近的有：示例工程师一（engineer-1）') })
    expect(await room.link('nobody', 'engineer-1', 'admin')).toMatchObject({ kind: 'refused', status: 404 })

    const number = await rig.fault('host-1')
    expect(await rig.incidents.assign(number, 'user-duty', 'engineer-1')).toMatchObject({ kind: 'done' })
    const mine = async (person: string | null) => (await rig.incidents.search({ part: 'all', mine: { user: 'user-duty', person }, limit: 9 })).map((one) => one.assignedTo)
    expect([await mine(null), await mine('engineer-1'), await mine('engineer-2')]).toEqual([[], ['示例工程师一'], []])

    expect(await room.link('user-duty', '示例工程师一', 'admin')).toEqual({ kind: 'done', value: undefined })
    expect((await peopleNow(rig.duty, rig.state.db, rig.now)).find((one) => one.accounts.includes('user-duty'))).toEqual({ name: '示例工程师一', person: 'engineer-1', accounts: ['user-duty'] })
    // From now on whoever has called cannot be written down by the same human being's account.
    const other = await rig.fault('host-2')
    expect(await rig.incidents.acknowledge(other, 'user-duty', { kind: 'phone', calledBy: 'engineer-1' })).toMatchObject({ code: 'caller-is-writer' })
  })

  it('who answered by a link or was written down by a call is found by the id, not by the name', async () => {
    const number = await rig.fault('host-1')
    await rig.links.confirm(await rig.link(number, 'engineer-2'), '192.0.2.1')
    const mine = { user: 'somebody', person: 'engineer-2' }
    expect((await rig.incidents.search({ part: 'all', mine, limit: 9 })).map((one) => one.acknowledgedBy)).toEqual(['示例工程师二'])
    expect(await rig.incidents.search({ part: 'all', mine: { user: '示例工程师二', person: null }, limit: 9 })).toEqual([])
  })
})
