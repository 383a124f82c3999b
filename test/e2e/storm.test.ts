/**
 * One link is cut and everything behind it cries: a real collector, its real rules and routes (the shipped ones), 500
 * hosts over the real link, 20 alerts each, an SMTP server and an SMS gateway. Once the cause fires first, once last.
 * At the end there is one incident, it lists every alert, people got a handful of messages, the console stayed usable.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { fleetIdentities } from '../../bench/fleet-identities.ts'
import { cpuSeconds, memory, quantile } from '../../bench/measure.ts'
import { type PushFleet, startPushFleet } from '../../bench/push-fleet-child.ts'
import type { HiddenPage } from '../../protocol/api-incidents.ts'
import type { IncidentSummary, Overview } from '../../protocol/api.ts'
import { METRIC_NAME, seriesKey } from '../../protocol/series.ts'
import { startPeer, say } from '../integration/http-rig.ts'
import { startRelay } from '../integration/smtp-rig.ts'
import { full, scaled } from '../scale.ts'
import { type RunningCollector, collectorAt, eventually, workFolder } from './processes.ts'

const HOSTS = scaled(100, 500)
const KINDS = scaled(10, 20)
const TOTAL = HOSTS * KINDS
/** The alerts come within this time. */
const STORM_MS = scaled(4_000, 7_000)
const PEOPLE = [1, 2, 3]
const hostName = (index: number): string => `storm-${String(index).padStart(3, '0')}`

/** Every fourth kind is under an SLA and so would be an incident of its own. */
const rules = `groups:
  - name: storm
    interval: 2s
    rules:
      - alert: LinkCut
        expr: storm_link_up == 0
        labels: { severity: critical, sla: standard, fault: link-down }
        annotations: { summary: '链路 {{ $labels.link }} 中断' }
${Array.from({ length: KINDS }, (_, kind) => `      - alert: Trouble${kind}
        expr: storm_bad{kind="${kind}"} > 0
        labels: { severity: ${kind % 4 === 0 ? 'critical, sla: standard' : 'warning'}, fault: trouble${kind} }
        annotations: { summary: '{{ $labels.instance }} 出现故障 ${kind}' }`).join('\n')}
`

const topology = `links: [{ id: link-01, title: 示例链路, from: center, to: district-01, hides: ['*'] }]
districts: [{ id: district-01, title: 示例区 }]
hosts:
${Array.from({ length: HOSTS }, (_, index) => `  - { id: ${hostName(index)}, title: 示例主机${index}, district: district-01 }`).join('\n')}
`

const duty = `people:
${PEOPLE.map((n) => `  - { id: engineer-${n}, name: 示例工程师${n}, addresses: { mail: engineer-${n}@example.org, phone: '1000000000${n}' } }`).join('\n')}
roles: [{ name: on-call, title: 值班工程师, rosters: [all] }, { name: on-site, title: 驻场, rosters: [all] }, { name: on-site-lead, title: 负责人, rosters: [all] }, { name: second, title: 后备, rosters: [all] }, { name: project-manager, title: 经理, rosters: [all] }]
rosters: [{ name: all, title: 全天, rotation: { anchor: 2026-01-01, unit: day, turns: [[${PEOPLE.map((n) => `engineer-${n}`).join(', ')}]] }, shifts: [{ name: day, title: 全天班, days: [workday, makeup, weekend, holiday], start: '08:00', end: '08:00' }] }]
`

/** Asks for the console's pages over and over; the times in ms, failures as infinity. */
function watchConsole(collector: RunningCollector, number: () => string | undefined): { end(): Promise<{ times: readonly number[]; delayP99: number }> } {
  const times: number[] = []
  let delayP99 = 0
  let going = true
  const ask = async (path: string): Promise<void> => {
    const at = performance.now()
    await collector.get(path).then(
      () => times.push(performance.now() - at),
      () => times.push(Number.POSITIVE_INFINITY),
    )
  }
  const running = (async () => {
    while (going) {
      await ask('/api/zhishou/v1/overview')
      await ask('/api/zhishou/v1/incidents')
      const found = number()
      if (found !== undefined) await ask(`/api/zhishou/v1/incidents/${found}`)
      const text = await (await fetch(`${collector.http}/metrics`, { headers: { authorization: `Bearer ${collector.first().readToken}` } })).text()
      delayP99 = Math.max(delayP99, Number(/^zhishou_event_loop_delay_p99_seconds (\S+)/m.exec(text)?.[1] ?? 0))
      await delay(100)
    }
  })()
  return {
    async end() {
      going = false
      await running
      return { times, delayP99 }
    },
  }
}

describe.each([{ first: 'the cause' }, { first: 'the effects' }])('10,000 alerts behind one cut link, $first first', ({ first }) => {
  const work = workFolder()
  const ends: (() => void | Promise<unknown>)[] = [() => work.clean()]

  afterAll(async () => {
    for (const end of ends.reverse()) await end()
  })

  it('is one incident, told a few times, and nothing is lost', { timeout: full ? 900_000 : 120_000 }, async () => {
    const home = join(work.path, 'collector')
    const folder = join(work.path, 'rules')
    mkdirSync(folder)
    const write = (name: string, text: string): string => {
      writeFileSync(join(work.path, name), text)
      return join(work.path, name)
    }
    writeFileSync(join(folder, 'storm.yml'), rules)
    const relay = await startRelay()
    const gateway = await startPeer(say(200, '0,taken'))
    ends.push(() => relay.close(), () => gateway.close())
    const identities = await fleetIdentities(home, [...Array.from({ length: HOSTS }, (_, index) => hostName(index)), 'center-01'])
    const collector = await collectorAt(home, `
rules: { folders: [${folder}] }
topologyFile: ${write('topology.yml', topology)}
duty: { file: ${write('duty.yml', duty)} }
notify:
  channels:
    mail: { kind: email, host: 127.0.0.1, port: ${relay.port}, plain: true, from: zhishou@example.org }
    sms: { kind: sms-http, url: '${gateway.url}/send', body: 'mobile={phone}&content={content}', success: '^0' }
`)
    await collector.start()
    ends.push(() => collector.program().end('SIGTERM'))
    const fleet: PushFleet = startPushFleet({
      url: `${collector.tls.replace('https', 'wss')}/link`,
      pins: identities.pins,
      hosts: identities.hosts.map((host, index) => ({ ...host, columns: [{ [METRIC_NAME]: 'node_time_seconds' }, ...(index === HOSTS ? [{ [METRIC_NAME]: 'storm_link_up', link: 'link-01' }] : Array.from({ length: KINDS }, (_, kind) => ({ [METRIC_NAME]: 'storm_bad', kind: String(kind) })))] })),
    }, join(work.path, 'job.json'))
    ends.push(() => fleet.end())
    await fleet.order({ do: 'connect' })
    const hosts = Array.from({ length: HOSTS }, (_, host) => host)
    const calm = hosts.map((host) => ({ host, values: [1, ...Array.from({ length: KINDS }, () => 0)] }))
    const bad = hosts.map((host) => ({ host, values: [1, ...Array.from({ length: KINDS }, () => 1)] }))
    const cut = { host: HOSTS, values: [1, 0] }
    await fleet.order({ do: 'send', rows: [...calm, { host: HOSTS, values: [1, 1] }], spreadMs: 500 })
    await fleet.order({ do: 'tick', everyMs: 15_000 })
    const overview = (): Promise<Overview> => collector.get<Overview>('/api/zhishou/v1/overview')
    await eventually('every host is up', 60_000, async () => (await overview()).hosts.up === HOSTS + 1)
    // Rules have seen the calm, so that an alert starts with the storm.
    await delay(3_000)

    let number: string | undefined
    const watch = watchConsole(collector, () => number)
    const pid = collector.program().child.pid ?? 0
    const cpuBefore = cpuSeconds(pid)
    const begun = Date.now()
    const sent = first === 'the cause'
      ? [await fleet.order({ do: 'send', rows: [cut], spreadMs: 0 }), await fleet.order({ do: 'send', rows: bad, spreadMs: STORM_MS })]
      : [await fleet.order({ do: 'send', rows: bad, spreadMs: STORM_MS }), await fleet.order({ do: 'send', rows: [cut], spreadMs: 0 })]
    const startedAt = Math.min(...sent.map((one) => one.firstAt))
    const running = async (): Promise<readonly IncidentSummary[]> => (await collector.get<{ incidents: IncidentSummary[] }>('/api/zhishou/v1/incidents?state=open&limit=200')).incidents
    const one = await eventually(`one incident lists ${TOTAL} alerts`, full ? 300_000 : 60_000, async () => {
      const list = await running()
      const cause = list.find((incident) => incident.fault === 'link-down')
      number = cause?.number
      return list.length === 1 && cause?.hiddenAlerts === TOTAL ? cause : undefined
    }, 500)
    const settledAfter = Date.now() - begun
    const cpuToSettle = cpuSeconds(pid) - cpuBefore
    const mailsOf = (n: number) => relay.mails.filter(({ to }) => to.includes(`engineer-${n}@example.org`))
    await eventually('everybody is told of the cause', 60_000, () => PEOPLE.every((n) => mailsOf(n).some(({ mail }) => mail.text?.includes(one.number))))
    const { times, delayP99 } = await watch.end()
    const cpuToTold = cpuSeconds(pid) - cpuBefore
    // What else is queued goes out; at full counts also the next round of every group, and the third SMS.
    await delay(full ? 100_000 : 3_000)
    const cpuAfter = cpuSeconds(pid) - cpuBefore - cpuToTold

    const owed = (await overview()).channels
    const mails = PEOPLE.map(mailsOf)
    const sms = PEOPLE.map((n) => gateway.arrived.filter(({ body }) => body.toString().includes(`mobile=1000000000${n}`)))
    const figures = {
      first, alerts: TOTAL, sentInMs: Math.max(...sent.map((part) => part.lastAt)) - startedAt, oneIncidentAfterMs: settledAfter,
      mailsEach: mails.map((list) => list.length), smsEach: sms.map((list) => list.length), queued: owed.map((channel) => `${channel.name} ${channel.queued}`),
      requests: times.length, requestP50Ms: Math.round(quantile(times, 0.5)), requestP95Ms: Math.round(quantile(times, 0.95)), requestMaxMs: Math.round(Math.max(...times)), eventLoopDelayP99Ms: Math.round(delayP99 * 1000), cpuSeconds: Math.round(cpuToSettle), cpuSecondsAfter: Math.round(cpuAfter), rssMb: Math.round(memory(pid).rssMb),
    }
    console.log(`storm: ${JSON.stringify(figures)}`)
    if (process.env['ZHISHOU_STORM_SUBJECTS'] !== undefined) console.log(mails[0]?.map(({ mail }) => mail.subject).join('\n'), sms[0]?.map(({ body }) => decodeURIComponent(body.toString())).join('\n'))

    // The earliest start is kept.
    expect(one.startedAt).toBe(startedAt)
    expect(await running()).toHaveLength(1)

    // Nothing is lost: neither by the incident nor by the alerts' own list.
    const wanted = new Set(hosts.flatMap((host) => Array.from({ length: KINDS }, (_, kind) => seriesKey({ instance: hostName(host), alertname: `Trouble${kind}` }))))
    const listed: string[] = []
    for (let page: HiddenPage | undefined; page?.more !== false; ) {
      page = await collector.get<HiddenPage>(`/api/zhishou/v1/incidents/${one.number}/hidden?offset=${listed.length}&limit=500`)
      listed.push(...page.hidden.map(({ instance, name }) => seriesKey({ instance, alertname: name })))
    }
    // Had the storm kept us from hearing the hosts, they would be listed as down as well.
    expect(listed.filter((line) => !wanted.has(line)).slice(0, 3)).toEqual([])
    expect(listed).toHaveLength(TOTAL)
    const alerts = await collector.get<{ labels: Record<string, string>; status: { state: string } }[]>('/api/v2/alerts')
    const told = alerts.filter(({ labels }) => labels['alertname']?.startsWith('Trouble') === true && labels['incident'] === undefined)
    expect(new Set(told.map(({ labels }) => seriesKey({ instance: labels['instance'] ?? '', alertname: labels['alertname'] ?? '' })))).toEqual(wanted)
    expect(told.every(({ status }) => status.state === 'suppressed')).toBe(true)

    // People.
    for (const list of mails) {
      expect(list.length).toBeGreaterThan(0)
      expect(list.length).toBeLessThanOrEqual(8)
      expect(list.some(({ mail }) => mail.text?.includes(one.number))).toBe(true)
    }
    for (const list of sms) {
      expect(list.length).toBeGreaterThan(0)
      expect(list.length).toBeLessThanOrEqual(3)
    }
    expect(figures.sentInMs).toBeLessThan(10_000)
    expect(figures.requestP95Ms).toBeLessThan(5_000)
    expect(collector.program().output()).not.toContain('"level":"error"')
  })
})
