/** Our webhook payload beside the real Alertmanager's (Debian's), for the same alerts. */
import { spawn, execFileSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { webhookPayload } from '../../collector/notify/webhook-payload.ts'
import type { PayloadAlert } from '../../collector/notify/webhook-payload.ts'
import { freePort } from '../ports.ts'
import { say, startPeer } from './http-rig.ts'
import type { HttpPeer } from './http-rig.ts'

function installed(): boolean {
  try {
    execFileSync('prometheus-alertmanager', ['--version'], { stdio: 'pipe' })
    return true
  } catch {
    // Skipped below, with the reason in the title.
    return false
  }
}
const there = installed()

describe.skipIf(!there)(`webhook payload beside Alertmanager's${there ? '' : ' (skipped: prometheus-alertmanager is not installed)'}`, () => {
  let folder = ''
  let peer: HttpPeer
  let alertmanager: ChildProcess
  let api = ''
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'zhishou-webhook-'))
    peer = await startPeer(say(200, ''))
    writeFileSync(join(folder, 'am.yml'), `route: { receiver: ops, group_by: [service], group_wait: 3s, group_interval: 1s, repeat_interval: 1h }\nreceivers: [{ name: ops, webhook_configs: [{ url: '${peer.url}/hook', send_resolved: true }] }]\n`)
    const port = await freePort()
    api = `http://127.0.0.1:${port}/api/v2`
    alertmanager = spawn('prometheus-alertmanager', [`--config.file=${join(folder, 'am.yml')}`, `--storage.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address=', '--web.external-url=http://console.example.org/'], { stdio: 'ignore' })
    for (let tries = 0; tries < 100; tries++) {
      if (await fetch(`${api}/status`).then((answer) => answer.ok, () => false)) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error('Alertmanager did not start')
  })
  afterAll(async () => {
    alertmanager?.kill()
    await peer.close()
    rmSync(folder, { recursive: true })
  })

  it('is the same, key by key and in the same order, firing and resolved', async () => {
    // Not longer ago than group_wait: an older alert would go without waiting for the other one.
    const startsAt = Math.floor(Date.now() / 1_000) * 1_000
    const alert = (mountpoint: string, at: number, endsAt?: number): PayloadAlert => ({
      labels: { alertname: 'DiskFull', service: 'business', severity: 'critical', mountpoint, Zone: 'a', 'under_score': '<&>' }, annotations: { summary: `磁盘 ${mountpoint} 将满`, runbook: 'x' },
      startsAt: at, endsAt, generatorUrl: 'http://rules.example.org/graph?g0.expr=1', fingerprint: '',
    })
    const post = (alerts: readonly PayloadAlert[]) =>
      fetch(`${api}/alerts`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(alerts.map((one) => ({ labels: one.labels, annotations: one.annotations, startsAt: new Date(one.startsAt).toISOString(), ...(one.endsAt === undefined ? {} : { endsAt: new Date(one.endsAt).toISOString() }), generatorURL: one.generatorUrl }))),
      })
    const arrived = async (count: number): Promise<string> => {
      for (let tries = 0; peer.arrived.length < count; tries++) {
        if (tries > 200) throw new Error('Alertmanager sent nothing')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      return peer.arrived[count - 1]!.body.toString()
    }
    const ours = (theirs: { readonly alerts: readonly { readonly fingerprint: string }[]; readonly groupKey: string }, alerts: readonly PayloadAlert[]): string =>
      JSON.stringify(webhookPayload({ receiver: 'ops', groupKey: theirs.groupKey, groupLabels: { service: 'business' }, externalUrl: 'http://console.example.org/', alerts: alerts.map((one, index) => ({ ...one, fingerprint: theirs.alerts[index]!.fingerprint })) }))
    const same = (theirs: string, alerts: readonly PayloadAlert[]): void => {
      // Go writes <, > and & of JSON as escapes; read back and written by one writer they are alike, order included.
      const read = JSON.parse(theirs) as Parameters<typeof ours>[0]
      expect(JSON.stringify(read)).toBe(ours(read, alerts))
    }
    const firing = [alert('/', startsAt), alert('/data', startsAt + 120)]
    expect((await post(firing)).status).toBe(200)
    same(await arrived(1), firing)
    const end = Date.now() - 1_000
    const resolved = [alert('/', startsAt, end), alert('/data', startsAt + 120, end)]
    await post(resolved)
    same(await arrived(2), resolved)
    expect(peer.arrived[0]!.headers['content-type']).toBe('application/json')
  })
})
