/** The service room over a real state.db: acts, audit, restart, freezing, tampering. */
import { DatabaseSync } from 'node:sqlite'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { at, exampleBlind, exampleFaults, exampleSources } from '../../collector/service/example-month.fixture.ts'
import type { ActOutcome } from '../../collector/service/acts.ts'
import type { Fault } from '../../collector/service/fault.ts'
import { intersect, total, union } from '../../collector/service/intervals.ts'
import { verdictView } from '../../collector/service/view.ts'
import { touches } from '../../collector/service/month.ts'
import { addMonths, monthOf } from '../../collector/service/zone-time.ts'
import { createServiceRoom } from '../../collector/service/run.ts'
import { writeAlive, writeFirstAlive } from '../../collector/service/storage.ts'
import type { ServiceRoom } from '../../collector/service/run.ts'
import { parseExposureTerms } from '../../collector/service/terms.ts'
import type { WorkLine } from '../../collector/service/work-log.ts'
import { parseServiceWording } from '../../collector/service/wording.ts'
import { verifyAudit } from '../../collector/state/audit.ts'
import { openState } from '../../collector/state/open.ts'
import type { State } from '../../collector/state/open.ts'
import { scaled, seed } from '../scale.ts'

const shipped = (path: string): string => readFileSync(new URL(`../../alerts/${path}`, import.meta.url), 'utf8')
const wording = parseServiceWording(shipped('templates/service.zh-CN.yml'), 'service.zh-CN.yml')
const terms = parseExposureTerms(shipped('exposure.yml'), 'exposure.yml')

let folder = ''
let state: State
let now = 0
let faults: readonly Fault[] = []
let worked: readonly WorkLine[] = []
let room: ServiceRoom

let contractStart = '2026-07-01'
const open = async (): Promise<void> => {
  state = await openState(join(folder, 'state.db'))
  room = await createServiceRoom({
    ...exampleSources, contractStart, state, clock: { now: () => now }, wording, terms, aliveToleranceMs: 90_000,
    faults: async (span) => faults.filter((fault) => touches(fault, span, now)),
    worked: async (span) => worked.filter((line) => span.from <= line.at && line.at < span.to),
  })
}
const restart = async (): Promise<void> => {
  await state.close()
  await open()
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zhishou-service-'))
  now = at('2026-07-16 09:00:00')
  faults = exampleFaults
  worked = []
  await open()
})
afterEach(async () => {
  await state.close()
  rmSync(folder, { recursive: true })
})

function done<T>(outcome: ActOutcome<T>): T {
  if (outcome.kind === 'refused') throw new Error(outcome.message)
  return outcome.value
}
const refusedFor = async (act: Promise<ActOutcome<unknown>>): Promise<readonly unknown[]> => {
  const outcome = await act
  return outcome.kind === 'refused' ? [outcome.status, outcome.code, outcome.message] : ['done']
}
const rows = async (table: 'service_event' | 'audit'): Promise<number> => Number((await state.db.selectFrom(table).select((of) => of.fn.countAll<number>().as('n')).executeTakeFirstOrThrow()).n)
/** Changes the file as somebody with root would: without our triggers. */
function tamper(sql: string): void {
  const raw = new DatabaseSync(join(folder, 'state.db'))
  raw.exec(`drop trigger frozen_month_no_update; drop trigger frozen_month_no_delete; drop trigger month_annotation_no_update; drop trigger month_annotation_no_delete; pragma foreign_keys = off; ${sql}`)
  raw.close()
}

/** The collector has beaten all the while up to now. */
const beats = (): Promise<void> => state.db.transaction().execute((trx) => writeAlive(trx, now))

/** The example month as people and the collector enter it: windows and blind time through the room. */
async function liveThroughJuly(): Promise<void> {
  const plan = { services: ['portal'], objects: [], reason: '系统升级', afterTheFact: false }
  const first = done(await room.planWindow({ ...plan, from: at('2026-07-18 22:00:00'), to: at('2026-07-19 02:00:00') }, 'onsite'))
  done(await room.planWindow({ ...plan, from: at('2026-07-27 08:30:00'), to: at('2026-07-27 10:00:00') }, 'onsite'))
  now = at('2026-07-16 15:00:00')
  done(await room.approveWindow(first.id, { name: '甲方代表', at: now, how: '书面' }, 'onsite'))
  now = at('2026-07-19 00:30:00')
  done(await room.shortenWindow(first.id, now, '提前完成', 'onsite'))
  // The collector has beaten every minute since the contract began, and is down from 03:00:00 to 03:12:30 on the 22nd.
  now = exampleBlind[0]!.from
  await state.db.transaction().execute(async (trx) => {
    await writeFirstAlive(trx, at('2026-07-01 00:00:00'))
    await writeAlive(trx, now)
  })
  await state.close()
  now = exampleBlind[0]!.to!
  await open()
  await room.alive()
  now += 60_000
  await room.alive()
  await room.beginBlind('agent-silent', 'portal', 'web-01', exampleBlind[1]!.from)
  await room.beginBlind('agent-silent', 'portal', 'web-01', exampleBlind[1]!.from + 60_000)
  await room.endBlind('agent-silent', 'portal', 'web-01', exampleBlind[1]!.to!)
}

describe('maintenance windows and requests', () => {
  it('every act is one event and one audit entry, and a refused one is neither', async () => {
    const plan = { services: ['portal'], objects: [], from: now + 60_000, to: now + 120_000, reason: '升级', afterTheFact: false }
    const planned = done(await room.planWindow(plan, 'onsite'))
    expect(planned.id).toBe('M20260716-001')
    expect([await rows('service_event'), await rows('audit')]).toEqual([1, 1])
    expect(await refusedFor(room.approveWindow(planned.id, { name: 'onsite', at: now, how: '电话' }, 'onsite'))).toEqual([422, 'approver-missing', '请填写甲方批准人、批准方式；批准人不能是登记人自己'])
    expect(await refusedFor(room.approveWindow('M1', { name: '甲方', at: now, how: '电话' }, 'onsite'))).toEqual([404, 'unknown-window', '没有这个维护窗口'])
    expect(await refusedFor(room.planWindow({ ...plan, reason: ' ' }, 'onsite'))).toEqual([422, 'input-wrong', expect.stringMatching(/原因/)])
    expect(await refusedFor(room.planWindow({ ...plan, from: now - 1 }, 'onsite'))).toEqual([409, 'after-the-fact', '开始时间已过，请注明“事后补录”后再登记'])
    expect([await rows('service_event'), await rows('audit')]).toEqual([1, 1])
    done(await room.approveWindow(planned.id, { name: '甲方', at: now, how: '电话' }, 'onsite'))
    expect(done(await room.planWindow({ ...plan, from: now - 1, afterTheFact: true }, 'onsite'))).toMatchObject({ id: 'M20260716-002', afterTheFact: true })
    await expect(state.db.deleteFrom('service_event').execute()).rejects.toThrow(/never deleted/)
    await expect(state.db.updateTable('service_event').set({ actor: 'x' }).execute()).rejects.toThrow(/never changed/)
    expect(await verifyAudit(state.db)).toMatchObject({ kind: 'intact', head: { seq: 3 } })
    await restart()
    expect(await room.windows()).toMatchObject([{ id: 'M20260716-001', version: 2 }, { id: 'M20260716-002' }])
  })

  it('requests are counted for their month, survive a restart, and stand in the work log', async () => {
    const receipt = { kind: 'training' as const, service: 'business', requester: '示例区02', channel: '电话', text: '新人培训', receivedAt: now - 3_600_000 }
    const { id } = done(await room.receiveRequest(receipt, 'duty'))
    expect(id).toBe('Q20260716-001')
    expect(await refusedFor(room.finishRequest(id, '完成', 30, 'duty'))).toEqual([409, 'not-started', '该请求尚未开始办理'])
    done(await room.startRequest(id, '张工', 'duty'))
    await restart()
    expect(await refusedFor(room.startRequest(id, '王工', 'duty'))).toEqual([409, 'started-already', '该请求由 张工 办理中'])
    done(await room.noteRequest(id, '准备材料', 40, '张工'))
    now = at('2026-08-02 10:00:00')
    done(await room.finishRequest(id, '已完成培训', 90, '张工'))
    expect(await refusedFor(room.refuseRequest(id, '不办', 'duty'))).toEqual([409, 'request-over', '该请求已办结，不能再办理'])
    const counts = async (month: string): Promise<unknown> => {
      const report = done(await room.month(month))
      return report.kind === 'running' ? report.figures.requests.find((one) => one.kind === 'training') : undefined
    }
    expect(await counts('2026-07')).toEqual({ kind: 'training', received: 1, done: 0, refused: 0, pending: 1, minutes: 40 })
    expect(await counts('2026-08')).toEqual({ kind: 'training', received: 0, done: 1, refused: 0, pending: 0, minutes: 90 })
    const lines = await room.workLog({ from: at('2026-07-01 00:00:00'), to: at('2026-08-01 00:00:00') })
    expect(lines.map((line) => [line.by, line.reference, line.text, line.minutes])).toEqual([
      ['duty', id, '受理培训请求（示例区02，电话）：新人培训', 0],
      ['duty', id, '张工 开始办理', 0],
      ['张工', id, '准备材料（40 分钟）', 40],
    ])
  })
})

describe('months', () => {
  it('the hand-computed month comes out of the room to the second, and freezes', async () => {
    await liveThroughJuly()
    now = at('2026-07-31 23:59:59')
    expect(await refusedFor(room.freezeMonth('2026-07', '着急', 'pm'))).toEqual([409, 'month-not-over', '这个月还没有结束，不能封账'])
    now = at('2026-08-03 09:00:00')
    // Before the next beat nothing vouches for what has passed since the last one.
    const unseen = done(await room.month('2026-07'))
    if (unseen.kind !== 'running') throw new Error('kind')
    expect(unseen.figures.services[0]!.month.withMaintenance.blindMs).toBeGreaterThan(9 * 86_400_000)
    await beats()
    const before = done(await room.month('2026-07'))
    const frozen = done(await room.freezeMonth('2026-07', null, 'pm'))
    const after = done(await room.month('2026-07'))
    if (before.kind !== 'running' || after.kind !== 'frozen') throw new Error('kind')
    const portal = before.figures.services[0]!
    // By hand: example-month.test.ts.
    expect([portal.month.withMaintenance.goodMs, portal.month.withMaintenance.badMs, portal.month.withMaintenance.blindMs]).toEqual([2_655_735_000, 21_315_000, 1_350_000])
    expect([portal.month.withoutMaintenance.goodMs, portal.month.withoutMaintenance.badMs, portal.month.maintenanceMs]).toEqual([2_649_135_000, 18_915_000, 9_000_000])
    expect(after.figures).toEqual(JSON.parse(JSON.stringify(before.figures)))
    expect(JSON.parse(frozen.body)).toMatchObject({ inputs: { arithmetic: 2, month: '2026-07', faults: expect.arrayContaining([expect.objectContaining({ number: 'F20260708-001', version: 7 })]) } })
    expect(await refusedFor(room.freezeMonth('2026-07', null, 'pm'))).toEqual([409, 'month-frozen-already', '这个月已封账，只能以附注更正'])
    expect(await room.verifyMonths()).toEqual({ kind: 'intact', months: 1, annotations: 0 })

    // Whatever is known later, the frozen month stays; the figures are corrected beside it.
    faults = []
    await restart()
    expect(done(await room.month('2026-07'))).toMatchObject({ kind: 'frozen', month: { hash: frozen.hash } })
    expect(await refusedFor(room.planWindow({ services: ['portal'], objects: [], from: at('2026-07-31 23:00:00'), to: now, reason: '补', afterTheFact: true }, 'onsite'))).toEqual([409, 'month-frozen-already', '这个月已封账，只能以附注更正'])
    const path = 'services.0.month.withMaintenance.badMs'
    const approval = { name: '甲方代表', at: now, how: '会议纪要' }
    expect(await refusedFor(room.annotateMonth('2026-06', path, 1, approval, '更正', 'pm'))).toEqual([404, 'unknown-month', '这个月尚未封账'])
    expect(await refusedFor(room.annotateMonth('2026-07', 'services.0.nothing', 1, approval, '更正', 'pm'))).toEqual([404, 'unknown-figure', '封账内容中没有这个数'])
    expect((await refusedFor(room.annotateMonth('2026-07', path, 1, { ...approval, name: 'pm' }, '更正', 'pm')))[1]).toBe('approver-missing')
    expect((await refusedFor(room.annotateMonth('2026-07', path, 21_315_000, approval, '更正', 'pm')))[1]).toBe('same-figure')
    done(await room.annotateMonth('2026-07', path, 20_715_000, approval, '7 月 25 日为演练', 'pm'))
    const corrected = done(await room.month('2026-07'))
    if (corrected.kind !== 'frozen') throw new Error('kind')
    expect(corrected.annotations.map((one) => JSON.parse(one.body))).toMatchObject([{ original: 21_315_000, corrected: 20_715_000, reason: '7 月 25 日为演练', approval, monthHash: frozen.hash }])
    expect(corrected.figures).toEqual(after.figures)
    expect(await room.verifyMonths()).toEqual({ kind: 'intact', months: 1, annotations: 1 })
  })

  it('[M2, M6] carry their work log; an entry that comes later is an annotation beside it', async () => {
    faults = []
    done(await room.receiveRequest({ kind: 'training', service: 'business', requester: '示例区02', channel: '电话', text: '新人培训', receivedAt: now }, 'duty'))
    const entry = (text: string, when: string, minutes: number): WorkLine => ({ at: at(when), by: '张工', kind: 'inspection', reference: '', text, minutes })
    worked = [entry('巡检', '2026-07-20 10:00:00', 45), entry('下月的巡检', '2026-08-01 00:00:00', 45)]
    now = at('2026-08-03 09:00:00')
    const frozen = done(await room.freezeMonth('2026-07', null, 'pm'))
    const body = JSON.parse(frozen.body)
    expect(body.inputs.work.map((line: WorkLine) => `${line.kind} ${line.by} ${line.text}`)).toEqual(['request duty 受理培训请求（示例区02，电话）：新人培训', 'inspection 张工 巡检'])
    expect(body.figures.work).toEqual({ count: 2, minutes: 45, kinds: [{ kind: 'inspection', count: 1, minutes: 45 }, { kind: 'request', count: 1, minutes: 0 }] })

    // What is dated into it later: once it is annotated, in its own transaction; what belongs to a month still open is not.
    const note = (line: WorkLine): Promise<void> => state.db.transaction().execute((trx) => room.noteWork(trx, line))
    await note(entry('补记的加固', '2026-07-31 23:59:59', 30))
    await note(entry('八月的事', '2026-08-02 10:00:00', 30))
    await note(entry('又一条补记', '2026-07-05 10:00:00', 15))
    await expect(state.db.transaction().execute(async (trx) => {
      await room.noteWork(trx, entry('没有登记成', '2026-07-06 10:00:00', 15))
      throw new Error('rolled back')
    })).rejects.toThrow('rolled back')
    const after = done(await room.month('2026-07'))
    if (after.kind !== 'frozen') throw new Error('kind')
    expect(after.month.body).toBe(frozen.body)
    expect(after.annotations.map((one) => JSON.parse(one.body))).toMatchObject([
      { path: 'work.count', original: 2, corrected: 3, approval: null, reason: '补记的加固', monthHash: frozen.hash, entry: { kind: 'inspection', minutes: 30, by: '张工' } },
      { path: 'work.count', original: 2, corrected: 4, reason: '又一条补记' },
    ])
    expect(await room.verifyMonths()).toEqual({ kind: 'intact', months: 1, annotations: 2 })
    await state.close()
    tamper(`update frozen_month set body_json = replace(body_json, '巡检', '巡查') where month = '2026-07'`)
    await open()
    expect(await room.verifyMonths()).toMatchObject({ kind: 'broken', where: '2026-07' })
  })

  it('freeze in order, and with open incidents only for a written reason', async () => {
    now = at('2026-09-02 09:00:00')
    const { to: _, ...last } = exampleFaults.at(-1)!
    faults = [...exampleFaults.slice(0, -1), { ...last, closed: false }]
    expect(await refusedFor(room.freezeMonth('2026-07', null, 'pm'))).toEqual([409, 'incidents-open', '故障 F20260731-001 尚未关闭；确需封账请写明理由'])
    expect((await refusedFor(room.freezeMonth('2026-07', '  ', 'pm')))[1]).toBe('incidents-open')
    const july = done(await room.freezeMonth('2026-07', '甲方要求先出月报', 'pm'))
    expect(july.forced).toBe('甲方要求先出月报')
    expect(await refusedFor(room.freezeMonth('2026-09', null, 'pm'))).toEqual([409, 'month-not-over', '这个月还没有结束，不能封账'])
    expect((await refusedFor(room.freezeMonth('2026-06', 'r', 'pm')))).toEqual([409, 'month-before-missing', '各月应依次封账，下一个是 2026-08'])
    expect(done(await room.freezeMonth('2026-08', '仍未修复', 'pm'))).toMatchObject({ seq: 2, previousHash: july.hash })
    expect(await room.verifyMonths()).toEqual({ kind: 'intact', months: 2, annotations: 0 })
  })

  it('refuses to guess a calendar', async () => {
    now = at('2027-02-02 09:00:00')
    faults = []
    await state.close()
    contractStart = '2027-01-01'
    await open()
    contractStart = '2026-07-01'
    expect(await refusedFor(room.freezeMonth('2027-01', null, 'pm'))).toEqual([409, 'calendar-missing', '2027-01-01 所在年份的节假日安排尚未载入，无法计算服务时段'])
    expect((await refusedFor(room.month('2027-01')))[1]).toBe('calendar-missing')
    expect(await room.samples()).toEqual([])
  })

  it.each([
    ['a figure', `update frozen_month set body_json = replace(body_json, '21315000', '21315001') where month = '2026-07'`, '2026-07'],
    ['who froze it', `update frozen_month set actor = 'x' where month = '2026-07'`, '2026-07'],
    ['a reason put in later', `update frozen_month set forced = 'r' where month = '2026-08'`, '2026-08'],
    ['a month taken out', `delete from frozen_month where month = '2026-07'`, '2026-08'],
    ['the last month cut off', `delete from frozen_month where month = '2026-08'`, '2026-07'],
    ['a correction changed', `update month_annotation set body_json = replace(body_json, '20715000', '1') where seq = 1`, 'annotation 1'],
    ['a correction moved to another month', `update month_annotation set month = '2026-08' where seq = 1`, 'annotation 1'],
    ['a correction taken out', `delete from month_annotation where seq = 1`, 'annotation 2'],
    ['the last correction cut off', `delete from month_annotation where seq = 2`, 'annotation 1'],
  ])('tampering shows: %s', async (_, sql, where) => {
    await liveThroughJuly()
    now = at('2026-09-03 09:00:00')
    done(await room.freezeMonth('2026-07', null, 'pm'))
    done(await room.freezeMonth('2026-08', null, 'pm'))
    for (const figure of [20_715_000, 20_000_000]) done(await room.annotateMonth('2026-07', 'services.0.month.withMaintenance.badMs', figure, { name: '甲方代表', at: now, how: '书面' }, '更正', 'pm'))
    expect(await room.verifyMonths()).toEqual({ kind: 'intact', months: 2, annotations: 2 })
    await expect(state.db.updateTable('frozen_month').set({ actor: 'x' }).execute()).rejects.toThrow(/never changed/)
    await expect(state.db.deleteFrom('month_annotation').execute()).rejects.toThrow(/never deleted/)
    await state.close()
    tamper(sql)
    await open()
    const verdict = await room.verifyMonths()
    expect(verdict).toMatchObject({ kind: 'broken', where })
    // People read it in their language.
    expect(verdictView(verdict, wording)).toMatchObject({ where: where.replace('annotation', '附注'), why: expect.stringMatching(/^[\u4e00-\u9fff，]+$/) })
  })
})

describe('blind time', () => {
  it('a collector that was not there yet, down or asleep was blind; a clock set back makes nothing up', async () => {
    const t = now
    await room.alive()
    for (const step of [60_000, 60_000, 30 * 60_000, -3_600_000, 60_000]) {
      now += step
      await room.alive()
    }
    const down = { why: 'collector-down', service: '', object: '' }
    expect(await room.blind({ from: t - 86_400_000, to: t + 86_400_000 })).toEqual([{ from: at('2026-07-01 00:00:00'), to: t, ...down }, { from: t + 120_000, to: t + 120_000 + 30 * 60_000, why: 'collector-down', service: '', object: '' }])
  })

  const HOUR = 3_600_000
  const member = (object: string, measured: boolean) => ({ object, instances: [object], state: measured ? { kind: 'measured' as const } : { kind: 'unmeasured' as const, since: now } })
  const figuresOf = async (month: string, service: string) => {
    const report = done(await room.month(month))
    if (report.kind !== 'running') throw new Error('kind')
    return report.figures.services.find((one) => one.service === service)!.month.withMaintenance
  }

  it('[A7] a service that nobody watches is never good: not today, not in the months before, and its figure is none', async () => {
    faults = []
    const rest = { service: 'business', members: [member('', false)] }
    await room.alive()
    await room.watch([{ service: 'portal', members: [member('web-01', false)] }, rest])
    const { goodMs, blindMs, ratio, ratioBlindBad } = await figuresOf('2026-07', 'portal')
    expect([goodMs, blindMs, ratio, ratioBlindBad]).toEqual([0, now - at('2026-07-01 00:00:00'), null, 0])
    expect((await figuresOf('2026-04', 'portal')).ratio).toBe(null)
    // Its first data make it good from then on, and not before; a restart changes nothing of that.
    const from = now
    now += 60_000
    await room.alive()
    await room.watch([{ service: 'portal', members: [member('web-01', true)] }, rest])
    await restart()
    now += 60_000
    await room.alive()
    expect(await figuresOf('2026-07', 'portal')).toMatchObject({ goodMs: 60_000, badMs: 0, ratio: 1, blindMs: from + 60_000 - at('2026-07-01 00:00:00') })
    // A machine that joins now blinds from now on, not what was seen without it.
    await room.watch([{ service: 'portal', members: [member('web-01', true), member('web-02', false)] }, rest])
    now += 60_000
    await room.alive()
    expect(await figuresOf('2026-07', 'portal')).toMatchObject({ goodMs: 60_000 })
    expect((await figuresOf('2026-07', 'business')).ratio).toBe(null)
  })

  it('[A7] whatever happened, no moment is good without signs of life around it and a measurement of every member', async () => {
    const step = fc.record({
      ms: fc.oneof(fc.integer({ min: 1_000, max: 90_000 }), fc.integer({ min: 90_001, max: 40 * 24 * HOUR })),
      what: fc.constantFrom('beat' as const, 'beat' as const, 'look' as const, 'restart' as const),
      measured: fc.tuple(fc.boolean(), fc.boolean()),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), fc.integer({ min: 0, max: 90_000 }), async (steps, tail) => {
        await state.close()
        for (const rest of ['', '-wal', '-shm']) rmSync(join(folder, `state.db${rest}`), { force: true })
        faults = []
        now = at('2026-03-10 09:00:00')
        await open()
        let beat = now
        let measured: readonly [boolean, boolean] = [false, false]
        const good: { from: number; to: number }[] = []
        const look = (): Promise<void> => room.watch([{ service: 'portal', members: [member('a', measured[0]), member('b', measured[1])] }])
        const lives = async (): Promise<void> => {
          if (now - beat <= 90_000 && measured[0] && measured[1]) good.push({ from: beat, to: now })
          beat = now
          await room.alive()
        }
        await lives()
        await look()
        for (const { ms, what, measured: next } of steps) {
          now += ms
          if (what === 'restart') await restart()
          await lives()
          if (what === 'beat') continue
          measured = next
          await look()
        }
        now += tail
        if (measured[0] && measured[1]) good.push({ from: beat, to: now })
        for (let month = '2026-03'; month <= '2026-12' && now >= at(`${month}-01 00:00:00`); month = addMonths(month, 1)) {
          const span = monthOf(month, 'Asia/Shanghai')
          const { goodMs, badMs, blindMs } = await figuresOf(month, 'portal')
          expect([goodMs, badMs]).toEqual([total(intersect(union(good), [span])), 0])
          expect(goodMs + blindMs).toBe(Math.min(span.to, now) - span.from)
        }
      }),
      { seed, numRuns: scaled(15, 300) },
    )
  })
})

describe('guard periods', () => {
  it('are known again after a restart, remind of late zero reports once each, and ask for a second person', async () => {
    const from = at('2026-09-30 18:00:00')
    now = from - 3_600_000
    const declaration = { title: '国庆重保', from, to: from + 2 * 86_400_000, services: ['portal'], thresholdFactor: 0.8, stepFactor: 0.5, zeroReports: { times: ['08:00', '20:00'], graceMinutes: 15, leadMinutes: 30 } }
    const { id } = done(await room.declareGuard(declaration, 'pm'))
    expect(await refusedFor(room.declareGuard({ ...declaration, stepFactor: 2 }, 'pm'))).toEqual([422, 'factor-wrong', '系数应大于 0、不大于 1'])
    await restart()
    now = at('2026-09-30 20:16:00')
    expect([room.silenceNeedsSecond(now, 'portal'), room.silenceNeedsSecond(now, 'sms'), room.tightening(now, 'portal')]).toEqual([true, false, { threshold: 0.8, step: 0.5 }])
    const dueAt = at('2026-09-30 20:00:00')
    expect(room.reminders()).toEqual([{ key: `zero-report:${id}:${dueAt}`, period: id, title: '国庆重保', dueAt }])
    done(await room.fileZeroReport(id, dueAt, '一切正常', 'duty'))
    expect(await refusedFor(room.fileZeroReport(id, dueAt, '一切正常', 'onsite'))).toEqual([409, 'filed-already', '该零报告已由 duty 于 2026-09-30 20:16:00 报送'])
    await restart()
    expect(room.reminders()).toEqual([])
    expect(room.guards()[0]?.reports.slice(0, 2)).toMatchObject([{ kind: 'filed', late: true, filing: { by: 'duty', text: '一切正常' } }, { kind: 'upcoming' }])
    done(await room.endGuard(id, '上级通知结束', 'pm'))
    expect(room.silenceNeedsSecond(now, 'portal')).toBe(false)
    expect((await room.workLog({ from, to: from + 86_400_000 })).map((line) => line.text)).toEqual(['报送 2026-09-30 20:00:00 零报告：一切正常', '提前结束重保：上级通知结束'])
  })
})

describe('exposure', () => {
  it('is shown to whoever may see it, audited without an amount, and written nowhere', async () => {
    now = at('2026-08-03 09:00:00')
    expect(await room.exposure(new Set(['incidents.read']), [], 'duty')).toEqual({ kind: 'forbidden' })
    expect(await rows('audit')).toBe(0)
    const shown = await room.exposure(new Set(['exposure.read']), [{ duty: 'handover', reference: 'G-1', service: '', startedAt: now - 1, dueAt: now - 1, doneAt: undefined }], 'pm')
    if (shown.kind !== 'shown') throw new Error(shown.kind)
    // respond late by 60 s: 1 day begun × 0.05 % = 500; dispose late by 1 s: 1 day × 0.1 % = 1,000;
    // recover late by 229,800 s and by 43,200 s, exact: 229,800 ÷ 86,400 × 1,000 = 2,659.72 and 500.
    expect(shown.exposure.lines.map((line) => [line.reference, line.term, line.amountFen])).toEqual([
      ['F20260708-001', 'late-disposal', 100_000n], ['F20260709-001', 'late-recovery', 265_972n], ['F20260718-001', 'late-response', 50_000n], ['F20260728-001', 'late-recovery', 50_000n],
    ])
    expect(shown.exposure.totalFen).toBe(465_972n)
    expect(shown.exposure.uncovered[0]?.reference).toBe('G-1')
    const kept = await state.db.selectFrom('audit').selectAll().execute()
    expect(kept.map((row) => [row.actor, row.action, row.object, row.detail_json])).toEqual([['pm', 'exposure.read', 'year-1', '{}']])
    await state.close()
    const raw = readFileSync(join(folder, 'state.db')).toString('latin1')
    for (const amount of ['465972', '4,659.72', '4659.72', '265972']) expect(raw).not.toContain(amount)
    await open()
  })
})

describe('a restart in the middle of anything', () => {
  const act = fc.oneof(
    fc.record({ what: fc.constantFrom('plan', 'approve', 'shorten', 'cancel', 'receive', 'start', 'note', 'finish', 'refuse', 'declare', 'file', 'end', 'alive'), of: fc.integer({ min: 1, max: 3 }), hours: fc.integer({ min: -3, max: 30 }) }),
    fc.record({ what: fc.constant('restart'), of: fc.constant(0), hours: fc.constant(0) }),
  )

  it('leaves every window, request, guard period and figure as it would be without', async () => {
    const run = async (acts: readonly { what: string; of: number; hours: number }[], restarts: boolean): Promise<unknown> => {
      await state.close()
      rmSync(folder, { recursive: true })
      folder = mkdtempSync(join(tmpdir(), 'zhishou-service-'))
      now = at('2026-07-16 09:00:00')
      await open()
      const outcomes: string[] = []
      for (const { what, of, hours } of acts) {
        now += Math.max(0, hours) * 600_000
        const moment = now + hours * 3_600_000
        const id = (letter: string): string => `${letter}20260716-00${of}`
        const acted = (outcome: ActOutcome<unknown>): number => outcomes.push(outcome.kind === 'done' ? 'done' : outcome.code)
        if (what === 'restart' && restarts) await restart()
        else if (what === 'plan') acted(await room.planWindow({ services: ['portal'], objects: [], from: moment, to: moment + 7_200_000, reason: '升级', afterTheFact: moment < now }, 'onsite'))
        else if (what === 'approve') acted(await room.approveWindow(id('M'), { name: '甲方', at: now - 1, how: '书面' }, 'onsite'))
        else if (what === 'shorten') acted(await room.shortenWindow(id('M'), moment, '提前', 'onsite'))
        else if (what === 'cancel') acted(await room.cancelWindow(id('M'), Math.min(now, moment), '取消', 'onsite'))
        else if (what === 'receive') acted(await room.receiveRequest({ kind: 'rights', service: 'portal', requester: 'r', channel: 'c', text: 't', receivedAt: Math.min(now, moment) }, 'duty'))
        else if (what === 'start') acted(await room.startRequest(id('Q'), '张工', 'duty'))
        else if (what === 'note') acted(await room.noteRequest(id('Q'), '记', 5, 'duty'))
        else if (what === 'finish') acted(await room.finishRequest(id('Q'), '完', 5, 'duty'))
        else if (what === 'refuse') acted(await room.refuseRequest(id('Q'), '退', 'duty'))
        else if (what === 'declare') acted(await room.declareGuard({ title: '重保', from: moment, to: moment + 86_400_000, services: [], thresholdFactor: 1, stepFactor: 0.5, zeroReports: { times: ['12:00'], graceMinutes: 0, leadMinutes: 720 } }, 'pm'))
        else if (what === 'file') acted(await room.fileZeroReport(id('G'), at('2026-07-16 12:00:00'), '无', 'duty'))
        else if (what === 'end') acted(await room.endGuard(id('G'), '结束', 'pm'))
        else if (what === 'alive') await room.alive()
      }
      const span = { from: now - 40 * 86_400_000, to: now + 40 * 86_400_000 }
      const month = done(await room.month('2026-07'))
      if (month.kind !== 'running') throw new Error('frozen')
      return { outcomes, windows: await room.windows(), requests: await room.requests(span), guards: room.guards(), blind: await room.blind(span), figures: month.figures.services.map((one) => one.month), counts: month.figures.requests, audit: await verifyAudit(state.db) }
    }
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        const [without, withRestarts] = [await run(acts, false), await run(acts, true)]
        expect(withRestarts).toEqual(without)
        for (const outcome of (without as { outcomes: readonly string[] }).outcomes) seen.add(outcome)
      }),
      { seed, numRuns: scaled(15, 300) },
    )
    expect(seen.has('done')).toBe(true)
    expect(seen.size).toBeGreaterThan(3)
  })
})
