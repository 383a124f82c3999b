/** Incidents as people look at them. What they do to them is in incident-acts.ts, files in incident-files.ts. */
import { type Context, Hono } from 'hono'
import type { IncidentDetail } from '../../../protocol/api.ts'
import { incidentParts } from '../../../protocol/api-incidents.ts'
import type { HiddenPage, IncidentList } from '../../../protocol/api-incidents.ts'
import { severitySchema } from '../../incidents/event.ts'
import type { IncidentSearch } from '../../incidents/search.ts'
import type { Outcome, WebDependencies } from '../dependencies.ts'
import { type WebEnv, answer, may, problem } from '../guard.ts'
import { wholeNumber } from '../input.ts'
import { incidentActRoutes } from './incident-acts.ts'
import { incidentFileRoutes } from './incident-files.ts'

/** One page of the alerts that an incident explains. */
const HIDDEN_PAGE = 100
const HIDDEN_MOST = 500

/** The reply to an act: the incident that it has changed or made, or the room's refusal in its own words. */
export type ShownAfter = <T>(context: Context<WebEnv>, outcome: Outcome<T>, number: (value: T) => string) => Promise<Response>

/** Everything under /incidents. Whether an act is allowed in a state is decided in the incidents room. */
export function incidentRoutes(deps: WebDependencies): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const room = deps.incidents
  const shown = async (context: Context<WebEnv>, number: string): Promise<Response> => {
    const incident = await room.get(number)
    if (incident === undefined) return problem(context, 404, 'not-found', '没有这张故障单')
    return context.json({ now: deps.now(), ...(context.get('caller').permissions.has('duty.contacts') ? incident : withoutContacts(incident)) })
  }
  const after: ShownAfter = async (context, outcome, number) => (outcome.kind === 'refused' ? answer(context, outcome) : shown(context, number(outcome.value)))
  const malformed = (context: Context, message: string): Response => {
    deps.refused('request', 'malformed')
    return problem(context, 400, 'malformed', message)
  }

  app.get('/', may('incidents.read', deps), async (context) => {
    const search = searchOf(context)
    if (typeof search === 'string') return malformed(context, search)
    // One more than asked for, to know whether there are more.
    const found = await room.search({ ...search, limit: search.limit + 1 })
    const view: IncidentList = { now: deps.now(), incidents: found.slice(0, search.limit), more: found.length > search.limit }
    return context.json(view)
  })
  app.get('/choices', may('incidents.read', deps), async (context) => context.json(await room.choices()))
  app.get('/:number', may('incidents.read', deps), (context) => shown(context, context.req.param('number')))
  app.get('/:number/hidden', may('incidents.read', deps), async (context) => {
    const limit = wholeNumber(context.req.query('limit'), HIDDEN_PAGE, HIDDEN_MOST)
    const offset = context.req.query('offset') ?? '0'
    if (limit === undefined || !/^\d{1,9}$/.test(offset)) return malformed(context, 'limit 须为正整数，offset 须为自然数')
    const rows = await room.hidden(context.req.param('number'), { offset: Number(offset), limit: limit + 1 })
    const view: HiddenPage = { now: deps.now(), hidden: rows.slice(0, limit), more: rows.length > limit }
    return context.json(view)
  })
  app.get('/:number/merged', may('incidents.read', deps), async (context) => {
    const limit = wholeNumber(context.req.query('limit'), 200, 1_000)
    if (limit === undefined) return malformed(context, 'limit 须为正整数')
    const found = await room.mergedInto(context.req.param('number'), limit + 1)
    const view: IncidentList = { now: deps.now(), incidents: found.slice(0, limit), more: found.length > limit }
    return context.json(view)
  })
  incidentActRoutes(app, deps, after)
  incidentFileRoutes(app, deps, after)
  return app
}

/** What a query asks for, or what is wrong with it. */
function searchOf(context: Context<WebEnv>): IncidentSearch | string {
  const asked = (name: string): string | undefined => context.req.query(name)?.trim() || undefined
  const part = incidentParts.find((known) => known === (asked('state') ?? 'open'))
  const limit = wholeNumber(context.req.query('limit'), 200, 1_000)
  const severity = severitySchema.optional().safeParse(asked('severity'))
  const [service, text, mine] = [asked('service'), asked('text'), asked('mine')]
  if (part === undefined) return `state 只能是 ${incidentParts.join('、')}`
  if (limit === undefined) return 'limit 须为正整数'
  if (!severity.success) return 'severity 只能是 critical、warning 或 info'
  if (mine !== undefined && mine !== 'yes') return 'mine 只能是 yes'
  if ((service?.length ?? 0) > 64 || (text?.length ?? 0) > 128) return 'service 至多 64 个字符，text 至多 128 个'
  return {
    part,
    limit,
    ...(service === undefined ? {} : { service }),
    ...(severity.data === undefined ? {} : { severity: severity.data }),
    ...(mine === undefined ? {} : { mine: { user: context.get('caller').user, person: context.get('caller').person } }),
    ...(text === undefined ? {} : { text }),
  }
}

/** For who may not see how to reach people: no number of the reporter, no address of a receiver. */
function withoutContacts(incident: IncidentDetail): IncidentDetail {
  return {
    ...incident,
    report: incident.report === null ? null : { ...incident.report, contact: '' },
    notifications: incident.notifications.map((one) => ({ ...one, to: '' })),
  }
}
