/**
 * `notify.channels` of collector.yml: a name for each way to reach people, and by `kind` what that way needs. Strict.
 * A secret is named by a file or an environment variable, never written into the settings; see secret.ts.
 */
import { RE2JS } from 're2js'
import { z } from 'zod'
import { parseDurationMs } from '../../protocol/settings.ts'

/** One mailbox, nothing else: no display name, no list, no header text. Stricter than RFC 5321 on purpose. */
export const mailbox = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63})*)$/, 'expected one mail address such as duty@example.org')

/** A number an SMS can go to: digits, with + in front where it is an international one. */
export const phone = z.string().regex(/^\+?[0-9]{5,20}$/, 'expected a phone number of digits only')

const duration = (text: string, least: string, most: string, description: string) =>
  z
    .string()
    .default(text)
    .transform((value, context) => {
      const ms = parseDurationMs(value)
      if (ms === undefined) context.addIssue({ code: 'custom', message: 'expected a duration with a unit such as 15s, 5m, 24h' })
      else if (ms < (parseDurationMs(least) ?? 0) || ms > (parseDurationMs(most) ?? 0)) context.addIssue({ code: 'custom', message: `expected ${least} to ${most}` })
      return ms ?? 0
    })
    .meta({ description, kind: `duration, ${least} to ${most}` })

const file = (description: string) => z.string().min(1).optional().meta({ description, path: true })
const variable = (description: string) => z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'expected the name of an environment variable').optional().meta({ description })
const text = (most: number, description: string) => z.string().min(1).max(most).meta({ description })
/** The name of a field of somebody else's, dotted where it lies deeper. */
const field = (description: string) => z.string().regex(/^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,5}$/, 'expected the name of a field, such as mobile or data.mobile').meta({ description })
const pattern = (description: string) => z.string().min(1).max(500).refine(isPattern, 'expected a pattern as RE2 reads it').meta({ description })
const perMinute = (usual: number, most: number, description = 'Most messages a minute; more wait and go together.') => z.int('expected a whole number').min(1).max(most).default(usual).meta({ description })
const timeout = duration('15s', '10s', '20s', 'Longest wait for the other side.')
const caFile = file("PEM file of the authority that signed the other side's certificate, where it is none of the public ones.")
const detail = (usual: 'minimal' | 'full') =>
  z.enum(['minimal', 'full']).default(usual).meta({ description: 'minimal: only service, severity, incident number and time left, for what leaves the site. full: everything that is known.' })

/** An address of the other side: no user and password in it, those are secrets. */
const address = (description: string) =>
  z
    .url({ protocol: /^https?$/, error: 'expected an address such as https://host/path' })
    .max(2_000)
    .refine((value) => !/^https?:\/\/[^/?#]*@/.test(value), 'expected no user or password in the address')
    .meta({ description })

/** What a channel needs that goes out of the site. */
const outward = {
  proxy: address('HTTP proxy that leads out of the site, such as http://proxy.example.org:3128.').optional(),
  proxyUser: z.string().min(1).max(256).optional().meta({ description: 'User at the proxy; needs a password.' }),
  proxyPasswordFile: file("File that holds the proxy user's password."),
  proxyPasswordEnv: variable("Name of the environment variable that holds the proxy user's password."),
  caFile,
  timeout,
}

function isPattern(source: string): boolean {
  try {
    RE2JS.compile(source)
    return true
  } catch {
    // What is wrong with it is the library's words, which would print it back.
    return false
  }
}

type Issue = (path: string, message: string) => void
const issuesOf = (context: z.RefinementCtx): Issue => (path, message) => context.addIssue({ code: 'custom', path: [path], message })

/** A secret is given by file or variable, not both; `needed`: at least one. */
function oneSecret(value: Readonly<Record<string, unknown>>, name: string, needed: boolean, issue: Issue): void {
  const given = [`${name}File`, `${name}Env`].filter((key) => value[key] !== undefined)
  if (given.length === 2) issue(`${name}Env`, `expected either ${name}File or ${name}Env, not both`)
  if (given.length === 0 && needed) issue(`${name}File`, `expected ${name}File or ${name}Env`)
}

function outwardIssues(value: Readonly<Record<string, unknown>>, issue: Issue): void {
  oneSecret(value, 'proxyPassword', value['proxyUser'] !== undefined, issue)
  if (value['proxyUser'] !== undefined && value['proxy'] === undefined) issue('proxy', 'expected a proxy where its user is given')
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

const email = z
  .strictObject({
    kind: z.literal('email'),
    host: z.string().regex(/^[A-Za-z0-9._:-]{1,253}$/, 'expected a host name or address').meta({ description: 'The mail relay.' }),
    port: z.int('expected a whole number').min(1).max(65_535).default(587).meta({ description: "The relay's port: 587 for STARTTLS, 465 where secure is true." }),
    secure: z.boolean().default(false).meta({ description: 'true: TLS from the first byte (465). false: STARTTLS, and nothing is sent without it.' }),
    plain: z.boolean().default(false).meta({ description: 'true: this relay speaks no TLS and that is accepted. Messages then cross the network readable.' }),
    caFile,
    user: z.string().min(1).max(256).optional().meta({ description: 'User at the relay; needs a password.' }),
    passwordFile: file('File that holds the password.'),
    passwordEnv: variable('Name of the environment variable that holds the password.'),
    from: mailbox.meta({ description: 'Address that messages come from.' }),
    perMinute: perMinute(30, 10_000, 'Most messages a minute; more wait.'),
    alone: z.int('expected a whole number').min(1).max(10_000).default(3).meta({ description: 'So many mails to the same people within ten minutes go one by one; then the next rests for gather, and takes along all that came meanwhile.' }),
    gather: duration('10s', '1s', '1m', 'See alone; doubled with each further mail, up to a minute.'),
    timeout,
    detail: detail('full'),
  })
  .superRefine((value, context) => {
    const issue = issuesOf(context)
    if (value.plain && value.secure) issue('plain', 'expected false where secure is true')
    oneSecret(value, 'password', false, issue)
    const secret = value.passwordFile ?? value.passwordEnv
    if (value.user !== undefined && secret === undefined) issue('passwordFile', 'expected passwordFile or passwordEnv where user is given')
    if (value.user === undefined && secret !== undefined) issue('user', 'expected a user where a password is given')
    if (value.plain && value.user !== undefined && !loopback.has(value.host)) {
      issue('user', 'expected no user on a plain relay beyond this machine: the password would cross the network readable')
    }
  })

/** What every kind of SMS has: cost, and how many one person gets. */
const sms = {
  perMinute: perMinute(60, 6_000, 'Most SMS a minute, as the gateway allows; more wait.'),
  perPerson: z.int('expected a whole number').min(1).max(60).default(3).meta({ description: 'Most SMS one person gets within perPersonWindow; the last ones gather all that came in between.' }),
  perPersonWindow: duration('10m', '1m', '24h', 'See perPerson.'),
  gather: duration('30s', '5s', '10m', 'After an SMS the next to the same person waits this long and takes along what came meanwhile; doubled with each one in the window.'),
  yearlyBudget: z.int('expected a whole number').min(1).max(1_000_000_000).optional().meta({ description: 'SMS (segments as they are billed) that a contract year has; once used up only critical ones go.' }),
  yearFrom: z.string().regex(/^(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$/, 'expected a month and day such as 07-01').default('01-01').meta({ description: 'First day of the contract year, month and day, at most the 28th.' }),
}

const smsHttp = z
  .strictObject({
    kind: z.literal('sms-http'),
    url: z.string().regex(/^https?:\/\/[^/?#@\s{}]+(?:[/?#]|$)/, 'expected an address such as http://host/path').max(2_000).meta({ description: "The gateway's address; may hold {phone}, {content}, {id} and {secret.NAME}, url-encoded when they are put in." }),
    method: z.enum(['GET', 'POST']).default('POST').meta({ description: 'How the gateway is asked.' }),
    encoding: z.enum(['utf-8', 'gbk']).default('utf-8').meta({ description: 'Encoding of what is sent, and of replies.' }),
    bodyType: z.enum(['form', 'json', 'text']).default('form').meta({ description: 'How places in the body are escaped, and its content type.' }),
    body: text(10_000, 'Body of a POST, with the same places as url.').optional(),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'expected the name of a header'), z.string().max(1_000)).default({}).meta({ description: 'Further headers; values may hold {id} and {secret.NAME}.', kind: 'map of texts' }),
    secrets: z
      .record(z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,31}$/, 'expected a name of letters and digits'), z.strictObject({ file: file(''), env: variable('') }))
      .default({})
      .meta({ description: 'Secrets for {secret.NAME}: each NAME has `file` or `env`.', kind: 'map of `file` or `env`' }),
    signature: z.string().regex(/^[^【】]{1,20}$/u, 'expected the signature without its brackets').optional().meta({ description: 'Signature that opens the text as 【…】; counted as part of it.' }),
    signatureByGateway: z.boolean().default(false).meta({ description: 'true: the gateway puts the signature in itself; it is only counted here.' }),
    maxSegments: z.int('expected a whole number').min(1).max(10).default(1).meta({ description: 'Longest SMS in segments (70 characters alone, else 67 each); what is longer is cut.' }),
    success: pattern("Pattern (RE2) of the gateway's answer that means taken."),
    idPattern: pattern('Pattern whose first group is the id in the answer, for the receipt.').optional(),
    refused: pattern('Pattern of an answer that means never: a wrong number, forbidden text.').optional(),
    down: pattern('Pattern of an answer that means the account does not work: wrong password, no money.').optional(),
    balanceUrl: z.string().regex(/^https?:\/\/[^/?#@\s{}]+(?:[/?#]|$)/, 'expected an address such as http://host/path').max(2_000).optional().meta({ description: 'Address that tells the balance, asked with GET; also shows that the gateway works.' }),
    balancePattern: pattern('Pattern whose first group is the balance in that answer.').optional(),
    balanceWarning: z.int('expected a whole number').min(0).default(0).meta({ description: 'Balance below which there is a warning.' }),
    replyUrl: z.string().regex(/^https?:\/\/[^/?#@\s{}]+(?:[/?#]|$)/, 'expected an address such as http://host/path').max(2_000).optional().meta({ description: 'Address that gives the SMS people sent in reply, asked with GET.' }),
    replyPattern: pattern('Pattern of one reply, with the groups (?P<phone>…) and (?P<text>…).').optional(),
    pushSecretFile: file('File that holds the secret the gateway shows when it posts answers to /sms-replies/NAME; at least 16 characters. With it, that address is open.'),
    pushSecretEnv: variable('Name of the environment variable that holds that secret.'),
    pushSecretIn: z.enum(['header', 'path']).default('header').meta({ description: 'Where the gateway shows it: in pushHeader, or as the last part of the address, /sms-replies/NAME/SECRET.' }),
    pushHeader: z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'expected the name of a header').default('X-Reply-Secret').meta({ description: 'See pushSecretIn.' }),
    pushType: z.enum(['form', 'json']).default('form').meta({ description: 'How the gateway writes the body. In JSON a field may be a path such as data.mobile; a list holds several answers. The encoding is that of encoding.' }),
    pushList: field('Field of a JSON body that holds the list of answers; left out: the body itself is one answer, or a list.').optional(),
    pushPhone: field('Field that holds the phone.').optional(),
    pushText: field('Field that holds the text.').optional(),
    pushId: field("Field that holds the gateway's id of the answer, by which one that is repeated is known.").optional(),
    pushAnswer: text(1_000, 'What the gateway wants to hear when an answer was taken.').default('OK'),
    ...sms,
    ...outward,
    detail: detail('minimal'),
  })
  .superRefine((value, context) => {
    const issue = issuesOf(context)
    outwardIssues(value, issue)
    oneSecret(value, 'pushSecret', false, issue)
    const pushed = (value.pushSecretFile ?? value.pushSecretEnv) !== undefined
    for (const key of ['pushPhone', 'pushText'] as const) if (pushed !== (value[key] !== undefined)) issue(key, pushed ? `expected ${key} where the gateway posts answers` : 'expected pushSecretFile or pushSecretEnv with it')
    if (!pushed && (value.pushId ?? value.pushList) !== undefined) issue(value.pushId === undefined ? 'pushList' : 'pushId', 'expected pushSecretFile or pushSecretEnv with it')
    if (value.pushList !== undefined && value.pushType !== 'json') issue('pushList', 'expected json as pushType where there is a list')
    if (value.method === 'GET' && value.body !== undefined) issue('body', 'expected no body where method is GET')
    if (!`${value.url}${value.body ?? ''}`.includes('{phone}')) issue(value.method === 'GET' ? 'url' : 'body', 'expected {phone} in url or body')
    if (!`${value.url}${value.body ?? ''}`.includes('{content}')) issue(value.method === 'GET' ? 'url' : 'body', 'expected {content} in url or body')
    for (const [key, template] of [['url', value.url], ['body', value.body ?? ''], ['balanceUrl', value.balanceUrl ?? ''], ['replyUrl', value.replyUrl ?? ''], ...Object.values(value.headers).map((one) => ['headers', one] as const)] as const) {
      for (const [place, name = ''] of template.matchAll(/\{([a-zA-Z][a-zA-Z0-9.]*)\}/g)) {
        const known = name.startsWith('secret.') ? Object.hasOwn(value.secrets, name.slice(7)) : name === 'id' || ((key === 'url' || key === 'body') && (name === 'phone' || name === 'content'))
        if (!known) issue(key, `expected a place that is known there, found ${place}`)
      }
    }
    for (const [name, secret] of Object.entries(value.secrets)) {
      if ((secret.file === undefined) === (secret.env === undefined)) context.addIssue({ code: 'custom', path: ['secrets', name], message: 'expected either file or env' })
    }
    if ((value.balanceUrl === undefined) !== (value.balancePattern === undefined)) issue('balancePattern', 'expected balanceUrl and balancePattern together')
    if ((value.replyUrl === undefined) !== (value.replyPattern === undefined)) issue('replyPattern', 'expected replyUrl and replyPattern together')
  })

const smsAliyun = z
  .strictObject({
    kind: z.literal('sms-aliyun'),
    url: address('Address of the service.').default('https://dysmsapi.aliyuncs.com/'),
    accessKeyId: text(128, 'Id of the access key.'),
    secretFile: file("File that holds the access key's secret."),
    secretEnv: variable("Name of the environment variable that holds the access key's secret."),
    signName: text(20, 'Approved signature, without brackets.'),
    templateCode: text(40, 'Code of the approved template.'),
    variables: z
      .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,31}$/, 'expected the name of a template variable'), z.string().min(1).max(100))
      .default({ severity: '{severity}', service: '{service}', number: '{number}', left: '{left}' })
      .meta({ description: "The template's variables; values may hold {severity}, {service}, {number}, {left}, {count}, {what}.", kind: 'map of texts' }),
    templateLength: z.int('expected a whole number').min(0).max(500).default(30).meta({ description: 'Characters of the template without its variables, to count segments.' }),
    ...sms,
    ...outward,
    detail: detail('minimal'),
  })
  .superRefine((value, context) => {
    const issue = issuesOf(context)
    outwardIssues(value, issue)
    oneSecret(value, 'secret', true, issue)
    for (const [name, template] of Object.entries(value.variables)) {
      for (const [place] of template.matchAll(/\{[^{}]*\}/g)) {
        if (!['{severity}', '{service}', '{number}', '{left}', '{count}', '{what}'].includes(place)) context.addIssue({ code: 'custom', path: ['variables', name], message: `expected a field that is known, found ${place}` })
      }
    }
  })

const wecom = z
  .strictObject({
    kind: z.literal('wecom'),
    url: address("Address of the robot's service, without its key.").default('https://qyapi.weixin.qq.com/cgi-bin/webhook/send'),
    keyFile: file("File that holds the robot's key."),
    keyEnv: variable("Name of the environment variable that holds the robot's key."),
    format: z.enum(['text', 'markdown']).default('markdown').meta({ description: 'text reaches every client, also WeChat; markdown only WeCom.' }),
    perMinute: perMinute(20, 20),
    ...outward,
    detail: detail('minimal'),
  })
  .superRefine((value, context) => {
    const issue = issuesOf(context)
    outwardIssues(value, issue)
    oneSecret(value, 'key', true, issue)
  })

const dingtalk = z
  .strictObject({
    kind: z.literal('dingtalk'),
    url: address("Address of the robot's service, without its token.").default('https://oapi.dingtalk.com/robot/send'),
    tokenFile: file("File that holds the robot's access_token."),
    tokenEnv: variable("Name of the environment variable that holds the robot's access_token."),
    secretFile: file('File that holds the signing secret (SEC…).'),
    secretEnv: variable('Name of the environment variable that holds the signing secret.'),
    perMinute: perMinute(20, 20),
    ...outward,
    detail: detail('minimal'),
  })
  .superRefine((value, context) => {
    const issue = issuesOf(context)
    outwardIssues(value, issue)
    oneSecret(value, 'token', true, issue)
    oneSecret(value, 'secret', true, issue)
  })

const feishu = z
  .strictObject({
    kind: z.literal('feishu'),
    url: address("Address of the robot's service, without its id.").default('https://open.feishu.cn/open-apis/bot/v2/hook'),
    hookFile: file("File that holds the robot's id, the last part of its address."),
    hookEnv: variable("Name of the environment variable that holds the robot's id."),
    secretFile: file('File that holds the signing secret.'),
    secretEnv: variable('Name of the environment variable that holds the signing secret.'),
    perMinute: perMinute(100, 100),
    perSecond: z.int('expected a whole number').min(1).max(5).default(5).meta({ description: 'Most messages a second.' }),
    ...outward,
    detail: detail('minimal'),
  })
  .superRefine((value, context) => {
    const issue = issuesOf(context)
    outwardIssues(value, issue)
    oneSecret(value, 'hook', true, issue)
    oneSecret(value, 'secret', true, issue)
  })

const webhook = z
  .strictObject({
    kind: z.literal('webhook'),
    url: address('Where Alertmanager\'s webhook payload (version 4) is posted to.'),
    bearerFile: file('File that holds a bearer token.'),
    bearerEnv: variable('Name of the environment variable that holds a bearer token.'),
    user: z.string().min(1).max(256).regex(/^[^:]*$/, 'expected a user without a colon').optional().meta({ description: 'User for basic authentication; needs a password.' }),
    passwordFile: file('File that holds the password.'),
    passwordEnv: variable('Name of the environment variable that holds the password.'),
    maxAlerts: z.int('expected a whole number').min(0).max(100_000).default(0).meta({ description: 'Most alerts in one payload, 0 for all of them; the rest is counted in truncatedAlerts.' }),
    perMinute: perMinute(120, 10_000, 'Most requests a minute; more wait.'),
    ...outward,
    detail: detail('full'),
  })
  .superRefine((value, context) => {
    const issue = issuesOf(context)
    outwardIssues(value, issue)
    oneSecret(value, 'bearer', false, issue)
    oneSecret(value, 'password', value.user !== undefined, issue)
    if (value.user === undefined && (value.passwordFile ?? value.passwordEnv) !== undefined) issue('user', 'expected a user where a password is given')
    if (value.user !== undefined && (value.bearerFile ?? value.bearerEnv) !== undefined) issue('user', 'expected either a user or a bearer token')
  })

/** One way to reach people. */
export const channelSettings = z.discriminatedUnion('kind', [email, smsHttp, smsAliyun, wecom, dingtalk, feishu, webhook], { error: 'expected a kind: email, sms-http, sms-aliyun, wecom, dingtalk, feishu or webhook' })
/** One way to reach people. */
export type ChannelSettings = z.infer<typeof channelSettings>
/** The kinds there are. */
export type ChannelKindName = ChannelSettings['kind']
/** The settings of one kind. */
export type SettingsOf<K extends ChannelKindName> = Extract<ChannelSettings, { readonly kind: K }>

/** What an address of a kind is. A robot or webhook is an address itself: its messages are `to` its own channel name. */
export const addressOf = { email: 'mailbox', 'sms-http': 'phone', 'sms-aliyun': 'phone', wecom: 'none', dingtalk: 'none', feishu: 'none', webhook: 'none' } as const satisfies Readonly<Record<ChannelKindName, 'mailbox' | 'phone' | 'none'>>
