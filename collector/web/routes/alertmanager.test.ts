import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startOurs } from '../../../test/integration/alertmanager-rig.ts'
import type { OurAlertmanager } from '../../../test/integration/alertmanager-rig.ts'
import { matrix, roles } from '../../access/matrix.ts'

const config = `
global: { resolve_timeout: 7m }
route: { receiver: all, group_by: [alertname], routes: [{ matchers: ['team="a"'], receiver: team-a, continue: true }, { matchers: ['team="a"'], receiver: team-b }] }
inhibit_rules: [{ source_matchers: ['severity="critical"'], target_matchers: ['severity="info"'] }]
receivers: [{ name: all }, { name: team-a }, { name: team-b }]
`

let ours: OurAlertmanager
beforeEach(async () => {
  ours = await startOurs(config)
})
afterEach(() => ours.stop())

const call = async (method: string, path: string, body?: unknown, role = 'duty'): Promise<{ readonly status: number; readonly body: unknown }> => {
  const reply = await ours.app.request(`/api/v2${path}`, { method, headers: { authorization: `Bearer bearer-${role}` }, ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }) })
  const text = await reply.text()
  return { status: reply.status, body: text === '' ? undefined : JSON.parse(text) }
}
const names = async (query: string): Promise<readonly string[]> => ((await call('GET', `/alerts${query}`)).body as { labels: { alertname: string } }[]).map((one) => one.labels.alertname).sort()
const silence = (over: object = {}): object => ({ matchers: [{ name: 'alertname', value: 'A', isRegex: false }], startsAt: new Date().toISOString(), endsAt: new Date(Date.now() + 60_000).toISOString(), createdBy: 'li', comment: 'why', ...over })

describe('permissions', () => {
  it.each(roles)('%s may do what the matrix says', async (role) => {
    const may = (permission: string): boolean => matrix[role].some((one) => one === permission)
    const expected = (allowed: boolean): number => (allowed ? 200 : 403)
    for (const path of ['/alerts', '/alerts/groups', '/silences', '/status', '/receivers']) expect((await call('GET', path, undefined, role)).status, path).toBe(expected(may('alerts.read')))
    expect((await call('POST', '/alerts', [], role)).status).toBe(expected(may('alerts.write')))
    expect((await call('POST', '/silences', silence(), role)).status).toBe(expected(may('silences.write')))
    expect((await call('DELETE', '/silence/x', undefined, role)).status).toBe(may('silences.write') ? 404 : 403)
  })
  it('nobody without a token; the probes are open', async () => {
    expect((await ours.app.request('/api/v2/alerts')).status).toBe(401)
    expect((await ours.app.request('/-/ready')).status).toBe(200)
    expect((await ours.app.request('/-/healthy')).status).toBe(200)
  })
})

describe('alerts', () => {
  it('takes the good ones of a call, tells what is wrong with the others', async () => {
    const reply = await call('POST', '/alerts', [
      { labels: { alertname: 'Good', empty: '' } },
      { labels: { alertname: 'Late' }, startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' },
      { labels: { x: '' } },
      { labels: { 'bad name': 'x' } },
    ])
    expect(reply).toEqual({ status: 400, body: 'start time must be before end time; at least one label pair required; invalid label name "bad name"' })
    expect(await names('')).toEqual(['Good'])
    const [good] = ours.dispatch.alerts()
    expect(good!.alert).toMatchObject({ labels: { alertname: 'Good' }, timeout: true })
    expect(good!.alert.endsAt! - good!.alert.updatedAt).toBe(420_000)
  })
  it.each<[string, unknown, string]>([
    ['no JSON', '{', 'no valid JSON'],
    ['no list', {}, 'body: '],
    ['a number for a label', [{ labels: { a: 1 } }], '0.labels.a'],
    ['a time that is none', [{ labels: { a: 'b' }, startsAt: 'yesterday' }], '0.startsAt: expected a time'],
    ['a day that is none', [{ labels: { a: 'b' }, startsAt: '2026-13-41T00:00:00Z' }], '0.startsAt: no such time'],
  ])('refuses %s', async (_, body, why) => {
    const reply = await call('POST', '/alerts', body)
    expect(reply.status).toBe(400)
    expect(reply.body).toContain(why)
  })
  it("takes Go's zero time for none", async () => {
    await call('POST', '/alerts', [{ labels: { alertname: 'A' }, startsAt: '0001-01-01T00:00:00.000Z', endsAt: '0001-01-01T00:00:00Z', generatorURL: '' }])
    expect(ours.dispatch.alerts()[0]!.alert.startsAt).toBeGreaterThan(Date.now() - 10_000)
  })
  it('filters by matcher, receiver and what mutes them', async () => {
    await call('POST', '/alerts', [
      { labels: { alertname: 'A', team: 'a' } },
      { labels: { alertname: 'Cause', severity: 'critical' } },
      { labels: { alertname: 'Effect', severity: 'info' } },
      { labels: { alertname: 'Over' }, endsAt: new Date(Date.now() - 1).toISOString() },
    ])
    await call('POST', '/silences', silence())
    expect(await names('')).toEqual(['A', 'Cause', 'Effect'])
    expect(await names('?silenced=false')).toEqual(['Cause', 'Effect'])
    expect(await names('?inhibited=false')).toEqual(['A', 'Cause'])
    expect(await names('?active=false')).toEqual(['A', 'Effect'])
    expect(await names('?filter=team%3D%22%22&filter=alertname%21~%22C.*%22')).toEqual(['Effect'])
    expect(await names('?receiver=team-.')).toEqual(['A'])
    expect(await names('?receiver=team')).toEqual([])
    for (const bad of ['?filter=x', '?filter=a%3D~(', '?receiver=(', '?active=perhaps']) expect((await call('GET', `/alerts${bad}`)).status, bad).toBe(400)
    const groups = (await call('GET', '/alerts/groups')).body as { labels: object; receiver: { name: string }; alerts: { receivers: object[]; status: { state: string } }[] }[]
    expect(groups.map((one) => `${one.receiver.name} ${JSON.stringify(one.labels)}`)).toEqual(['team-a {"alertname":"A"}', 'team-b {"alertname":"A"}', 'all {"alertname":"Cause"}', 'all {"alertname":"Effect"}'])
    expect(groups[0]!.alerts[0]).toMatchObject({ receivers: [{ name: 'team-a' }, { name: 'team-b' }], status: { state: 'suppressed' } })
    expect((await call('GET', '/alerts/groups?receiver=all&inhibited=false')).body).toHaveLength(1)
    expect((await call('GET', '/receivers')).body).toEqual([{ name: 'all' }, { name: 'team-a' }, { name: 'team-b' }])
  })
})

describe('silences', () => {
  it('are made, read, changed and ended, each step an audit row by who did it', async () => {
    const { silenceID } = (await call('POST', '/silences', silence())).body as { silenceID: string }
    expect((await call('GET', `/silence/${silenceID}`)).body).toMatchObject({ id: silenceID, status: { state: 'active' }, createdBy: 'li', matchers: [{ name: 'alertname', value: 'A', isRegex: false, isEqual: true }] })
    const other = (await call('POST', '/silences', silence({ id: silenceID, matchers: [{ name: 'alertname', value: 'B|C', isRegex: true, isEqual: false }] }))).body as { silenceID: string }
    expect(other.silenceID).not.toBe(silenceID)
    expect(((await call('GET', '/silences')).body as { id: string; status: { state: string } }[]).map((one) => [one.id, one.status.state])).toEqual([[other.silenceID, 'active'], [silenceID, 'expired']])
    expect((await call('GET', '/silences?filter=alertname%3D%22B%7CC%22')).body).toHaveLength(1)
    expect((await call('DELETE', `/silence/${other.silenceID}`, undefined, 'onsite')).status).toBe(200)
    expect(await call('DELETE', `/silence/${other.silenceID}`)).toEqual({ status: 500, body: `silence ${other.silenceID} already expired` })
    const rows = await ours.state.db.selectFrom('audit').selectAll().orderBy('seq').execute()
    expect(rows.map((row) => [row.action, row.actor])).toEqual([['silence.create', 'user-duty'], ['silence.update', 'user-duty'], ['silence.expire', 'user-onsite']])
    expect(rows[1]!.detail_json).toContain(silenceID)
  })
  it('are refused with a reason', async () => {
    expect(await call('POST', '/silences', silence({ comment: '' }))).toEqual({ status: 400, body: 'comment missing' })
    expect(await call('POST', '/silences', silence({ createdBy: '' }))).toEqual({ status: 400, body: 'creator information missing' })
    expect(await call('POST', '/silences', silence({ endsAt: '0001-01-01T00:00:00Z' }))).toMatchObject({ status: 400 })
    expect((await call('POST', '/silences', silence({ endsAt: undefined }))).status).toBe(400)
    expect(await call('POST', '/silences', silence({ id: 'gone' }))).toEqual({ status: 404, body: 'silence not found' })
    expect((await call('GET', '/silence/gone')).status).toBe(404)
    expect(await ours.state.db.selectFrom('audit').selectAll().execute()).toEqual([])
  })
})
