/** What people do to incidents: one body, one function of the room, the incident as it is then or the room's refusal. */
import type { Hono } from 'hono'
import { z } from 'zod'
import { causeCategories, reportChannels, severitySchema } from '../../incidents/event.ts'
import type { Outcome, WebDependencies } from '../dependencies.ts'
import { type WebEnv, may, problem } from '../guard.ts'
import { jsonBody } from '../input.ts'
import type { ShownAfter } from './incidents.ts'

/** Moments that can be meant; beyond them calendars are somebody's slip. */
export const moment = z.int().min(Date.UTC(2000, 0, 1), '时间过早').max(Date.UTC(2100, 0, 1), '时间过晚')
const text = z.string().trim().min(1, '内容不能为空').max(4_000)
const person = z.string().trim().min(1, '不能为空').max(128)
const number = z.string().regex(/^F\d{8}-\d{3,6}$/, '不是故障编号')

const nothing = z.strictObject({})
const withText = z.strictObject({ text })
/** `calledBy`: who called and takes it, a person of duty.yml or an account. `at`: when the call came; left out: now. */
const call = z.strictObject({ calledBy: person, at: moment.optional() })
/** Empty where it has recovered: then nobody needs to say why. */
const closing = z.strictObject({ text: z.string().trim().max(4_000) })
const assigning = z.strictObject({ to: person })
const severity = z.strictObject({ severity: severitySchema, reason: text })
const rootCause = z.strictObject({ category: z.enum(causeCategories), text })
/** `at` left out: now. */
const recovery = z.strictObject({ text, confirmedBy: person, at: moment.optional() })
const merging = z.strictObject({ into: number, reason: text })
const splitting = z.strictObject({ fingerprints: z.array(z.string().min(1).max(64)).min(1).max(1_000), reason: text })
/** `reportedAt` left out: now. `instance` and `fault` empty: nobody knows yet. `profile` left out: by the rules of sla.yml. */
const handReport = z.strictObject({
  reporter: person,
  contact: z.string().trim().max(128),
  channel: z.enum(reportChannels),
  reportedAt: moment.optional(),
  service: z.string().min(1, '请选择服务').max(64),
  instance: z.string().trim().max(128),
  fault: z.string().trim().max(64),
  severity: severitySchema,
  title: z.string().trim().min(1, '不能为空').max(200),
  description: z.string().trim().max(4_000),
  profile: z.string().max(32).optional(),
})

/** Adds the acts to /incidents. */
export function incidentActRoutes(app: Hono<WebEnv>, deps: WebDependencies, after: ShownAfter): void {
  const room = deps.incidents
  /** The number answered is the one that the act has opened, where it opens one. */
  const act = <B>(name: string, schema: z.ZodType<B>, run: (incident: string, actor: string, body: B, source: 'console' | 'api') => Promise<Outcome<unknown>>): void => {
    app.post(`/:number/${name}`, may('incidents.act', deps), async (context) => {
      const body = await jsonBody(context, schema, deps)
      if (body instanceof Response) return body
      const incident = context.req.param('number')
      const { user, csrf } = context.get('caller')
      // Only a browser's session has a CSRF word; a bearer token is a program.
      return after(context, await run(incident, user, body, csrf === undefined ? 'api' : 'console'), (opened) => (typeof opened === 'string' ? opened : incident))
    })
  }

  app.post('/', may('incidents.act', deps), async (context) => {
    const body = await jsonBody(context, handReport, deps)
    if (body instanceof Response) return body
    const { profile, reportedAt = deps.now(), ...report } = body
    const { services, profiles } = await room.choices()
    if (!services.some((one) => one.name === body.service)) return problem(context, 422, 'unknown-service', '没有这个服务')
    if (profile !== undefined && !profiles.some((one) => one.name === profile)) return problem(context, 422, 'unknown-profile', '没有这种时限约定')
    return after(context, await room.openByHand(context.get('caller').user, { ...report, reportedAt, ...(profile === undefined ? {} : { profile }) }), (opened) => opened)
  })
  act('acknowledge', nothing, (incident, actor, _, source) => room.acknowledge(incident, actor, source))
  act('acknowledge-by-phone', call, (incident, actor, { calledBy, at }) => room.acknowledgeByPhone(incident, actor, calledBy, at))
  act('dispose', withText, (incident, actor, body) => room.dispose(incident, actor, body.text))
  act('comment', withText, (incident, actor, body) => room.comment(incident, actor, body.text))
  act('close', closing, (incident, actor, body) => room.close(incident, actor, body.text))
  act('reopen', withText, (incident, actor, body) => room.reopen(incident, actor, body.text))
  act('recovery', recovery, (incident, actor, body) => room.reportRecovery(incident, actor, body.text, body.confirmedBy, body.at ?? deps.now()))
  act('confirm-recovery', nothing, (incident, actor) => room.confirmRecovery(incident, actor))
  act('refuse-recovery', withText, (incident, actor, body) => room.refuseRecovery(incident, actor, body.text))
  act('assign', assigning, (incident, actor, { to }) => room.assign(incident, actor, to))
  act('unassign', nothing, (incident, actor) => room.unassign(incident, actor))
  act('severity', severity, (incident, actor, body) => room.setSeverity(incident, actor, body.severity, body.reason))
  act('root-cause', rootCause, (incident, actor, body) => room.rootCause(incident, actor, body.category, body.text))
  act('merge', merging, (incident, actor, { into, reason }) => room.merge(incident, into, actor, reason))
  act('split', splitting, (incident, actor, { fingerprints, reason }) => room.split(incident, fingerprints, actor, reason))
}
