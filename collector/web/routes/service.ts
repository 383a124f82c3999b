/**
 * What was promised and how it was kept: availability, months, maintenance, service requests, guard periods, exposure.
 * Whether an act is allowed is decided in the service room; here input is checked and outcomes become statuses.
 */
import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { AvailabilityReport, MonthView } from '../../../protocol/api-service.ts'
import { requestKinds } from '../../service/request.ts'
import { annotationView, contentOf, exposureView, guardView, isKept, makingView, monthList, requestView, servicesView, verdictView, windowView, workLogView } from '../../service/view.ts'
import { monthAt, monthOf } from '../../service/zone-time.ts'
import type { Outcome, WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may, problem } from '../guard.ts'
import { jsonBody } from '../input.ts'
import type { Hints } from '../stream.ts'

/** Moments that a contract can mean; beyond them calendars are somebody's slip. */
const moment = z.int().min(Date.UTC(2000, 0, 1), '时间过早').max(Date.UTC(2100, 0, 1), '时间过晚')
const text = z.string().trim().min(1, '内容不能为空').max(2_000)
const person = z.string().trim().min(1, '不能为空').max(128)
const service = z.string().min(1).max(64)
const minutes = z.int().min(0).max(1_440)
const YEAR_MS = 366 * 86_400_000
const month = /^20\d\d-(0[1-9]|1[0-2])$/
const date = /^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/

const approval = z.strictObject({ name: person, at: moment, how: person })
const plan = z.strictObject({ services: z.array(service).max(64), objects: z.array(z.string().trim().min(1).max(256)).max(1_024), from: moment, to: moment, reason: text, afterTheFact: z.boolean() })
  .refine(({ from, to }) => to - from <= YEAR_MS, { path: ['to'], message: '维护窗口不能超过一年' })
const shorter = z.strictObject({ to: moment, reason: text })
/** `effectiveAt` left out: now. */
const cancelling = z.strictObject({ effectiveAt: moment.optional(), reason: text })

/** `receivedAt` left out: now. `service` empty: none in particular. */
const receipt = z.strictObject({ kind: z.enum(requestKinds), service: z.string().max(64), requester: person, channel: person, text, receivedAt: moment.optional() })
/** `person` left out: who asks. */
const start = z.strictObject({ person: person.optional() })
const worked = z.strictObject({ text, minutes })
const reason = z.strictObject({ reason: text })

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, '须为 08:00 这样的时刻')
const declaration = z.strictObject({
  title: z.string().trim().min(1, '不能为空').max(120), from: moment, to: moment, services: z.array(service).max(64),
  thresholdFactor: z.number().gt(0).max(1), stepFactor: z.number().gt(0).max(1),
  zeroReports: z.strictObject({ times: z.array(timeOfDay).max(24), graceMinutes: z.int().min(0).max(720), leadMinutes: z.int().min(0).max(720) }),
}).refine(({ from, to }) => to - from <= YEAR_MS, { path: ['to'], message: '重保期不能超过一年' })
const zeroReport = z.strictObject({ dueAt: moment, text })

/** `forced`: why it cannot wait for open incidents; null where none is open. */
const freezing = z.strictObject({ forced: text.nullable() })
const correction = z.strictObject({ path: z.string().regex(/^[A-Za-z0-9]+(\.[A-Za-z0-9]+){0,15}$/, '不是封账内容中的位置').max(200), corrected: z.union([z.string().trim().min(1).max(200), z.number(), z.null()]), approval, reason: text })

/** The arithmetic from which on frozen months carry their work log. */
const WITH_WORK_LOG = 2

/** Everything under `/service`. `hints` tells consoles that something was done. */
export function serviceRoutes(deps: WebDependencies, hints: Pick<Hints, 'publish'>): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const room = deps.service
  const { zone, contractStart, names } = room
  const malformed = (context: Context, message: string): Response => {
    deps.refused('request', 'malformed')
    return problem(context, 400, 'malformed', message)
  }

  /** The month a request names, or the reply to give instead. Left out, it is the running one. */
  const monthNamed = (context: Context<WebEnv>, text = context.req.query('month')): string | Response => {
    const now = deps.now()
    if (text === undefined) return monthAt(now, zone)
    if (!month.test(text)) return malformed(context, '月份须写作 2026-07')
    return isKept(text, contractStart, now, zone) ? text : problem(context, 404, 'unknown-month', `这里只有 ${contractStart.slice(0, 7)} 至 ${monthAt(now, zone)} 的月份`)
  }
  const acted = <T>(context: Context, outcome: Outcome<T>, view: (value: T) => object): Response => {
    if (outcome.kind === 'refused') return answer(context, outcome)
    hints.publish('service', 'overview')
    return context.json(view(outcome.value))
  }
  /** A POST: permission, body, one function of the room, its outcome. */
  const post = <B, T>(path: string, permission: 'service.write' | 'months.freeze', schema: z.ZodType<B>, act: (id: string, body: B, actor: string) => Promise<Outcome<T>>, view: (value: T) => object): void => {
    app.post(path, may(permission, deps), async (context) => {
      const body = await jsonBody(context, schema, deps)
      return body instanceof Response ? body : acted(context, await act(context.req.param('id') ?? '', body, context.get('caller').user), view)
    })
  }

  app.get('/services', may('service.read', deps), (context) => context.json({ services: names.map(({ service: id, title }) => ({ service: id, title })) }))

  app.get('/availability', may('service.read', deps), async (context) => {
    const wanted = monthNamed(context)
    if (wanted instanceof Response) return wanted
    const report = await room.month(wanted)
    if (report.kind === 'refused') return answer(context, report)
    const { figures, inputs } = contentOf(report.value)
    const now = deps.now()
    const view: AvailabilityReport = { now, month: wanted, firstMonth: contractStart.slice(0, 7), lastMonth: monthAt(now, zone), frozen: report.value.kind === 'frozen', asOf: inputs.asOf, services: servicesView(figures, names) }
    return context.json(view)
  })
  app.get('/availability/:service', may('service.read', deps), async (context) => {
    const wanted = monthNamed(context)
    if (wanted instanceof Response) return wanted
    const span = context.req.query('span') ?? 'month'
    if (span !== 'month' && span !== 'year' && !date.test(span)) return malformed(context, 'span 须为 month、year 或 2026-07-01 这样的日期')
    const report = await room.month(wanted)
    if (report.kind === 'refused') return answer(context, report)
    const making = makingView(report.value, context.req.param('service'), span, names, deps.now())
    return making === undefined ? problem(context, 404, 'not-found', '这个月没有这个服务或日期') : context.json(making)
  })

  app.get('/months', may('service.read', deps), async (context) => context.json({ now: deps.now(), months: monthList(await room.frozen(), contractStart, deps.now(), zone) }))
  app.get('/months/verify', may('service.read', deps), async (context) => context.json(verdictView(await room.verifyMonths(), room.wording)))
  app.get('/months/:month', may('service.read', deps), async (context) => {
    const wanted = monthNamed(context, context.req.param('month'))
    return wanted instanceof Response ? wanted : monthReply(context, wanted)
  })
  app.post('/months/:month/freeze', may('months.freeze', deps), async (context) => {
    const wanted = monthNamed(context, context.req.param('month'))
    if (wanted instanceof Response) return wanted
    const body = await jsonBody(context, freezing, deps)
    if (body instanceof Response) return body
    return acted(context, await room.freezeMonth(wanted, body.forced, context.get('caller').user), ({ month: frozen, frozenAt, actor, hash, previousHash, forced }) => ({ month: frozen, at: frozenAt, by: actor, hash, previousHash, forced }))
  })
  app.post('/months/:month/annotations', may('months.freeze', deps), async (context) => {
    const wanted = monthNamed(context, context.req.param('month'))
    if (wanted instanceof Response) return wanted
    const body = await jsonBody(context, correction, deps)
    if (body instanceof Response) return body
    return acted(context, await room.annotateMonth(wanted, body.path, body.corrected, body.approval, body.reason, context.get('caller').user), annotationView)
  })

  app.get('/windows', may('service.read', deps), async (context) => context.json({ now: deps.now(), windows: (await room.windows()).map(windowView).sort((a, b) => b.from - a.from) }))
  post('/windows', 'service.write', plan, (_, body, actor) => room.planWindow(body, actor), windowView)
  post('/windows/:id/approve', 'service.write', approval, (id, body, actor) => room.approveWindow(id, body, actor), windowView)
  post('/windows/:id/shorten', 'service.write', shorter, (id, body, actor) => room.shortenWindow(id, body.to, body.reason, actor), windowView)
  post('/windows/:id/cancel', 'service.write', cancelling, (id, body, actor) => room.cancelWindow(id, body.effectiveAt ?? deps.now(), body.reason, actor), windowView)

  app.get('/requests', may('service.read', deps), async (context) => {
    const wanted = monthNamed(context)
    if (wanted instanceof Response) return wanted
    const now = deps.now()
    const requests = await room.requests(monthOf(wanted, zone))
    // What was written down about them may lie in any month since the first of them came in.
    const lines = requests.length === 0 ? [] : await room.workLog({ from: Math.min(...requests.map((one) => one.receivedAt)), to: now + 1 })
    return context.json({ now, month: wanted, firstMonth: contractStart.slice(0, 7), requests: requests.map((one) => requestView(one, lines)).sort((a, b) => b.receivedAt - a.receivedAt) })
  })
  post('/requests', 'service.write', receipt, (_, body, actor) => room.receiveRequest({ ...body, receivedAt: body.receivedAt ?? deps.now() }, actor), (one) => requestView(one, []))
  post('/requests/:id/start', 'service.write', start, (id, body, actor) => room.startRequest(id, body.person ?? actor, actor), (one) => requestView(one, []))
  post('/requests/:id/note', 'service.write', worked, (id, body, actor) => room.noteRequest(id, body.text, body.minutes, actor), (one) => requestView(one, []))
  post('/requests/:id/finish', 'service.write', worked, (id, body, actor) => room.finishRequest(id, body.text, body.minutes, actor), (one) => requestView(one, []))
  post('/requests/:id/refuse', 'service.write', reason, (id, body, actor) => room.refuseRequest(id, body.reason, actor), (one) => requestView(one, []))

  app.get('/guards', may('service.read', deps), (context) => {
    const now = deps.now()
    return context.json({ now, guards: room.guards().map((one) => guardView(one, now)).sort((a, b) => b.from - a.from) })
  })
  const done = ({ id }: { readonly id: string }): object => ({ id })
  post('/guards', 'service.write', declaration, (_, body, actor) => room.declareGuard(body, actor), done)
  post('/guards/:id/end', 'service.write', reason, (id, body, actor) => room.endGuard(id, body.reason, actor), done)
  post('/guards/:id/zero-reports', 'service.write', zeroReport, (id, body, actor) => room.fileZeroReport(id, body.dueAt, body.text, actor), done)

  app.get('/exposure', may('exposure.read', deps), async (context) => {
    const { permissions, user } = context.get('caller')
    const found = await room.exposure(permissions, user)
    switch (found.kind) {
      case 'shown':
        return context.json(exposureView(found.exposure, room.wording, deps.now()))
      case 'forbidden':
        return problem(context, 403, 'forbidden', '当前角色无权进行此操作')
      case 'no-terms':
        return problem(context, 404, 'no-terms', '尚未配置合同条款（collector.yml 的 service.termsFile）')
    }
  })

  async function monthReply(context: Context<WebEnv>, wanted: string): Promise<Response> {
    const found = await room.month(wanted)
    if (found.kind === 'refused') return answer(context, found)
    const report = found.value
    const { figures, inputs } = contentOf(report)
    const now = deps.now()
    const view: MonthView = {
      now, month: wanted, state: report.kind === 'frozen' ? 'frozen' : wanted === monthAt(now, zone) ? 'running' : 'over',
      frozen: report.kind === 'frozen' ? { at: report.month.frozenAt, by: report.month.actor, hash: report.month.hash, previousHash: report.month.previousHash, forced: report.month.forced } : null,
      services: servicesView(figures, names),
      book: figures.book,
      requests: figures.requests,
      annotations: report.kind === 'frozen' ? report.annotations.map(annotationView) : [],
      // A month that was frozen with its work log shows that one; what came later is among the annotations.
      workLog: workLogView(report.kind === 'frozen' && inputs.arithmetic < WITH_WORK_LOG ? await room.workLog(monthOf(wanted, zone)) : inputs.work, room.workKinds),
    }
    return context.json(view)
  }
  return app
}
