/**
 * What the keys of the alerting files mean, for docs/alert-files.md: by path, how the value is written and what it says.
 * Keys, defaults and what must be given come from the schemas; scripts/docs.ts refuses a key that is missing here, and one
 * here that is no key.
 */

/** How a value is written, and what it means. */
export type Meaning = readonly [type: string, meaning: string]
/** By path; `[]` stands behind a list of maps. */
export type Meanings = Readonly<Record<string, Meaning>>

const from: Meaning = ['date', 'First day on which it holds.']
const until: Meaning = ['date', 'Last day on which it holds.']
const rotation = (path: string, whose: string): Meanings => ({
  [`${path}.anchor`]: ['date', `${whose} The day on which turn 0 begins; before it the cycle runs backwards.`],
  [`${path}.every`]: ['whole number, 1 to 366', 'How many units a turn lasts.'],
  [`${path}.unit`]: ['`day`, `week`, `workday`, `restday`', 'What is counted: days and weeks of the calendar, only days that are worked, or only days that are not.'],
  [`${path}.turns`]: ['list of ids, or of lists of ids', 'Who follows whom. A list within it is on duty together. Ids of people.'],
})

/** duty.yml */
export const dutyMeanings: Meanings = {
  'people[].id': ['name', 'What the rest of the file, routes and accounts call this person.'],
  'people[].name': ['text', 'As it is shown.'],
  'people[].roles': ['list of names of roles', 'Roles this person has whoever is on duty.'],
  'people[].addresses.mail': ['one mail address', 'Where channels of kind email reach this person.'],
  'people[].addresses.phone': ['5 to 20 digits, + in front allowed', 'Where SMS channels reach this person. An SMS that comes from this number can acknowledge.'],
  'people[].addresses.wecom': ['text', 'User id at WeCom. Only kept: the robot speaks to its room, not to one person.'],
  'people[].addresses.dingtalk': ['text', 'User id at DingTalk; as wecom.'],
  'people[].addresses.feishu': ['text', 'User id at Feishu; as wecom.'],
  'people[].from': ['date', 'First day in the team.'],
  'people[].until': ['date', 'Last day in the team; afterwards a turn of theirs is a gap.'],
  'roles[].name': ['name', 'What routes (`roster`) and escalation (`to`) call it; no roster may have the same.'],
  'roles[].title': ['text', 'As it is shown.'],
  'roles[].rosters': ['list of names of rosters', 'The role is whoever is on duty in any of them. Without one: everybody who has it in people[].roles.'],
  'roles[].next': ['name of a role', 'Asked when nobody is found, and so on to the end of the chain; a ring is refused.'],
  'rosters[].name': ['name', 'What roles, cover and routes call it.'],
  'rosters[].title': ['text', 'As it is shown.'],
  'rosters[].besides': ['true or false', 'It may be held together with another one (the hotline by whoever is on site); else that is told as a conflict.'],
  ...rotation('rosters[].rotation', 'Of every shift without one of its own.'),
  'rosters[].shifts[].name': ['name', 'Unique within the roster.'],
  'rosters[].shifts[].title': ['text', 'As it is shown.'],
  'rosters[].shifts[].days': ['list of `workday`, `makeup`, `weekend`, `holiday`', 'Kinds of days on which it begins: Monday to Friday and no holiday; a weekend day that is worked (调休上班); a weekend; a holiday.'],
  'rosters[].shifts[].start': ['HH:MM', 'When it begins, local time.'],
  'rosters[].shifts[].end': ['HH:MM', 'When it ends. Not later than start: on the next day; equal to it: a whole day.'],
  'rosters[].shifts[].handover': ['duration, 0s to 4h', 'How long whoever leaves stays to hand over.'],
  ...rotation('rosters[].shifts[].rotation', 'Instead of the roster\'s.'),
  'rosters[].shifts[].from': from,
  'rosters[].shifts[].until': until,
  'rosters[].from': from,
  'rosters[].until': until,
  'cover[].name': ['name', 'A demand: at every moment somebody is on duty.'],
  'cover[].title': ['text', 'As a gap in it is told.'],
  'cover[].rosters': ['list of names of rosters', 'Any of these counts.'],
  'cover[].atLeast': ['whole number, 1 to 50', 'How many people at every moment.'],
  'cover[].from': from,
  'cover[].until': until,
  rest: ['duration, 0s to 48h', 'Least time between two shifts of one person; less is told as a conflict. 0s: not looked at.'],
}

/** escalation.yml */
export const escalationMeanings: Meanings = {
  'policies[].name': ['name', 'As mistakes call it. The first policy that fits a fault counts.'],
  'policies[].profiles': ['list of names of SLA profiles', 'Faults under these; none: under any.'],
  'policies[].severities': ['list of `critical`, `warning`, `info`', 'Faults of these; none: of any.'],
  'policies[].steps[].clock': ['`respond`, `dispose`, `recover`', 'Which clock.'],
  'policies[].steps[].used': ['percent, above 0 to 100', 'Share of the clock\'s time that has passed; 100 is the breach. One step for each share of a clock.'],
  'policies[].steps[].to': ['list of names of roles', 'Who is told, nearest first.'],
  'policies[].steps[].channels': ['list of names of channels', 'By these only; none: by every channel where the person has an address. Who has no address on any of these is told by their own ways; steps due together go by every way where one of them does.'],
  'policies[].steps[].repeatEvery': ['duration, 1m to 24h', 'Told again this often while it is the newest step and the clock runs; left out: once.'],
}

const object = (list: string, what: string): Meanings => ({
  [`${list}[].id`]: ['id', `Name of ${what}, unique in the file.`],
  [`${list}[].title`]: ['text', 'As it is shown.'],
  [`${list}[].behind`]: ['list of ids, or of lists of ids', 'What it is reached through. Every entry must stand; of an entry that is a list one is enough.'],
  [`${list}[].hides`]: ['list of fault classes', 'What its failure explains on everything behind it; `*` is all. Left out: down, unreachable, probe, silent.'],
  [`${list}[].cause`]: ['list of maps of labels', 'Labels (a value or a list of values) of the alert that says it is down. Left out: its own `down` alert, see alerts/topology.yml.'],
})
const within: Meaning = ['id of a district', 'It is behind that district.']

/** topology.yml */
export const topologyMeanings: Meanings = {
  slack: ['duration', 'How much earlier than its cause an alert may have started and still be explained by it.'],
  release: ['duration', 'How long hidden alerts are given to end after their cause has; what still fires then stands for itself.'],
  'services[].id': ['`business`, `portal`, `exchange`, `security`, `asr`, `sms`, `video`', 'Which service.'],
  'services[].title': ['text', 'As it is shown.'],
  'services[].criticality': ['`high`, `medium`, `low`', 'Order in which services are shown.'],
  'services[].members': ['list of ids', 'Objects it stands on: their faults are its faults. Without any nothing is ever counted to it.'],
  ...object('hosts', 'the host, the label `instance` of its series'),
  'hosts[].district': within,
  'hosts[].instances': ['list of texts', 'Further values of the label `instance` that mean it.'],
  ...object('devices', 'the device'),
  'devices[].district': within,
  'devices[].instances': ['list of texts', 'Further values of the label `instance` that mean it.'],
  ...object('links', 'the link'),
  'links[].from': ['id', 'Near end; `center` is where the monitoring stands.'],
  'links[].to': ['id', 'Far end, which is behind it. Several links to one end are a choice: one is enough.'],
  'links[].district': ['id of a district', 'Where it leads, as it is shown.'],
  ...object('districts', 'the district'),
  ...object('windows', 'the reception window'),
  'windows[].district': within,
}

/** sla.yml */
export const slaMeanings: Meanings = {
  'assign[].profile': ['name of a profile', 'Which profile such a fault runs under, whatever its rule names. The first entry that fits counts.'],
  'assign[].service': ['list of ids of services', 'Faults of these; left out: of any. At least one of service, severity and fault is given.'],
  'assign[].severity': ['list of `critical`, `warning`, `info`', 'Faults of these; left out: of any.'],
  'assign[].fault': ['list of fault classes', 'Faults of these (label `fault`); left out: of any.'],
  'profiles[].name': ['name', 'What rules call it (label `sla`). The first of the file is for names nobody declared.'],
  'profiles[].title': ['text', 'As it is shown.'],
  'profiles[].origin': ['text', 'Where the figures come from: the clause, the standard.'],
  'profiles[].respond': ['duration', 'From the start of the fault to its acknowledgement.'],
  'profiles[].dispose': ['duration', 'To its disposal; no less than respond.'],
  'profiles[].recover': ['duration', 'To its recovery; no less than dispose.'],
  'profiles[].reopenWithin': ['duration', 'A fault that returns so soon after its recovery reopens its incident.'],
}

const flags: Meaning = ['list of `free-repair`, `refund`, `termination`, `damages`, `extension`, `deduction`', 'What the client may ask for besides.']

/** exposure.yml */
export const exposureMeanings: Meanings = {
  'contract.sum': ['yuan as text in quotes', 'The sum that rates are taken of.'],
  'contract.origin': ['text', 'Where it stands.'],
  'contract.cap': ['share as text in quotes', 'The most that everything together comes to; left out: no limit.'],
  'terms[].name': ['name', 'Unique in the file.'],
  'terms[].title': ['text', 'As it is shown.'],
  'terms[].origin': ['text', 'The clause, so that anybody can compare.'],
  'terms[].duty': ['name', 'What was broken: a clock (`respond`, `dispose`, `recover`), or a word of the site\'s own. One term for each.'],
  'terms[].perDay.rate': ['share as text in quotes', 'Of the sum, for each day late.'],
  'terms[].perDay.rounding': ['`begun`, `completed`, `exact`', 'A day begun is a day; only whole days; to the millisecond.'],
  'terms[].perDay.cap': ['share as text in quotes', 'The most that the days of one breach add up to.'],
  'terms[].lumps[].afterDays': ['whole number, 0 to 3650', 'After more than so many days; exactly as many is not more.'],
  'terms[].lumps[].since': ['`due`, `start`', 'Days since the duty was due, or since the fault began.'],
  'terms[].lumps[].rate': ['share as text in quotes', 'Of the sum, once.'],
  'terms[].lumps[].with': ['`added`, `greater`', 'On top of what the days came to, or whichever is greater.'],
  'terms[].lumps[].perDay': ['`continues`, `stops`', 'Whether days go on counting behind it.'],
  'terms[].lumps[].flags': flags,
  'terms[].flags': flags,
  'unpriced[].title': ['text', 'A duty that the contract names without a figure: listed in words, never priced.'],
  'unpriced[].origin': ['text', 'The clause.'],
  'unpriced[].text': ['text', 'What it says.'],
}

/** calendar/YEAR.yml */
export const calendarMeanings: Meanings = {
  year: ['whole number', 'Which year; of two files for one year the site\'s counts.'],
  source: ['text', 'Title and number of the notice, so that anybody can compare.'],
  'holidays[].name': ['text', 'As it is shown.'],
  'holidays[].from': ['date', 'First day off, weekends in it too. May lie in the December before.'],
  'holidays[].to': ['date', 'Last day off.'],
  'holidays[].workdays': ['list of dates', 'Weekend days that are worked instead (调休上班).'],
}

/** routes.yml, by the lists of keys that its reader has; Alertmanager's words. */
export const routeMeanings = {
  top: {
    global: ['map', 'Only `resolve_timeout`: when an alert that is sent to us without an end is over (5m).'],
    route: ['route', 'The root; takes every alert. Must have a receiver, and no matchers.'],
    inhibit_rules: ['list', 'Which alert speaks for which.'],
    time_intervals: ['list', 'Times with a name.'],
    mute_time_intervals: ['list', 'The same under its older name.'],
    receivers: ['list', 'Who can be told. `name` and any of `to`, `webhook_configs`.'],
    templates: ['list', 'Must be empty: messages are worded in alerts/templates.'],
  },
  route: {
    receiver: ['name of a receiver', 'Who is told; inherited.'],
    group_by: ["list of labels, or ['...']", 'Alerts alike in these are one message; `...` is all labels. Inherited. `incident` is a label here.'],
    match: ['map', 'Labels that must have these values; older writing of matchers.'],
    match_re: ['map', 'Labels that must match these patterns.'],
    matchers: ['list of texts', "Such as 'severity=\"critical\"', 'fault=~\"disk|memory\"'; all must fit."],
    mute_time_intervals: ['list of names', 'Not told in these times.'],
    active_time_intervals: ['list of names', 'Told only in these times.'],
    continue: ['true or false', 'Whether the next sibling is looked at too.'],
    routes: ['list of routes', 'Below this one; the first that fits takes the alert.'],
    group_wait: ['duration', 'How long a new group gathers before its first message (30s). Inherited.'],
    group_interval: ['duration', 'How long changes of a group gather (5m). Inherited.'],
    repeat_interval: ['duration', 'After which an unchanged group is told again (4h). Inherited.'],
  },
  inhibit: {
    source_match: ['map', 'Labels of the alert that speaks; older writing.'],
    source_match_re: ['map', 'The same with patterns.'],
    source_matchers: ['list of texts', 'The alert that speaks.'],
    target_match: ['map', 'Labels of the alert that is not told; older writing.'],
    target_match_re: ['map', 'The same with patterns.'],
    target_matchers: ['list of texts', 'The alert that is not told.'],
    equal: ['list of labels', 'In which both must be alike.'],
  },
  target: {
    channel: ['name of a channel', 'One of notify.channels of collector.yml.'],
    addresses: ['list of addresses', 'Mail addresses or phone numbers, as the channel needs.'],
    roster: ['name of a role or roster', 'Whoever is on duty, each by the address of duty.yml.'],
    people: ['list of ids', 'People of duty.yml.'],
    send_resolved: ['true or false', 'Whether the end is told as well (true).'],
  },
  webhook: {
    url: ['address', 'Where Alertmanager\'s payload (version 4) is posted to.'],
    send_resolved: ['true or false', 'Whether the end is told as well (true).'],
    max_alerts: ['whole number', 'Most alerts in one payload, 0 for all.'],
  },
  interval: {
    times: ['list of start_time, end_time', 'HH:MM, end after start, 24:00 at the latest; a night is two entries.'],
    weekdays: ['list', "'monday:friday', 'sunday'."],
    days_of_month: ['list', "'1:5', '-3:-1' (from the end)."],
    months: ['list', "'january:march', '12'."],
    years: ['list', "'2026:2027'."],
    location: ['time zone', 'Such as Asia/Shanghai; left out: UTC.'],
  },
} as const satisfies Readonly<Record<string, Meanings>>
