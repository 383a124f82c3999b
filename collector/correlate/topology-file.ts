/**
 * The reader of alerts/topology.yml: a strict schema, then the references between entries. Every mistake is told with
 * its key path; a ring of objects behind each other is refused, because then each would explain the other away.
 */
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { SettingsError, nearestWord, parseDurationMs, settingsMistakes } from '../../protocol/settings.ts'
import { buildTopology, serviceIds } from './topology.ts'
import type { Hides, LabelMatch, ObjectKind, Topology, TopologyObject } from './topology.ts'

/** Where the monitoring stands: the near end of the first links. */
const CENTER = 'center'

/** What a cut explains where an object does not say otherwise: that something cannot be seen or reached. */
const defaultHides: Hides = ['down', 'unreachable', 'probe', 'silent']

const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,126}$/, 'expected an id of letters, digits and . _ : / -')
const title = z.string().min(1).max(80)
const duration = z.string().transform((text, context) => {
  const ms = parseDurationMs(text)
  if (ms === undefined) context.addIssue({ code: 'custom', message: 'expected a duration with a unit such as 30s, 5m' })
  return ms ?? 0
})
const value = z.string().min(1)
const match = z
  .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'expected a label name'), z.union([value, z.array(value).min(1)], { error: 'expected a value or a list of values' }))
  .refine((labels) => Object.keys(labels).length > 0, 'expected at least one label')
const common = {
  id,
  title,
  behind: z.array(z.union([id, z.array(id).min(1)], { error: 'expected an id, or a list of ids of which one is enough' })).default([]),
  hides: z.array(z.string().regex(/^(\*|[a-z0-9]+)$/, "expected a fault class such as down, or '*'")).min(1).optional(),
  cause: z.array(match).min(1).optional(),
}
const machine = z.strictObject({ ...common, district: id.optional(), instances: z.array(z.string().min(1)).default([]) })
const link = z.strictObject({ ...common, from: id, to: id, district: id.optional() })
const district = z.strictObject(common)
const window = z.strictObject({ ...common, district: id.optional() })
const service = z.strictObject({ id: z.enum(serviceIds), title, criticality: z.enum(['high', 'medium', 'low']), members: z.array(id).default([]) })

/** Shape of a topology file; docs/alert-files.md is made from it. */
export const topologyFile = z.strictObject({
  slack: duration.default(300_000),
  release: duration.default(60_000),
  services: z.array(service).default([]),
  hosts: z.array(machine).default([]),
  devices: z.array(machine).default([]),
  links: z.array(link).default([]),
  districts: z.array(district).default([]),
  windows: z.array(window).default([]),
})
type TopologyFile = z.infer<typeof topologyFile>

const sections = { hosts: 'host', devices: 'device', links: 'link', districts: 'district', windows: 'window' } as const satisfies Partial<Record<keyof TopologyFile, ObjectKind>>
const shapes: Readonly<Record<string, object>> = { services: service.shape, hosts: machine.shape, devices: machine.shape, links: link.shape, districts: district.shape, windows: window.shape }

/** Parses the text of a topology file. Throws SettingsError with every mistake. */
export function parseTopology(text: string, file: string): Topology {
  const document = parseDocument(text)
  if (document.errors.length > 0) throw new SettingsError(document.errors.map((error) => `${file}: ${error.message.split('\n')[0]}`))
  const input: unknown = document.toJS() ?? {}
  const result = topologyFile.safeParse(input)
  if (!result.success) {
    throw new SettingsError(settingsMistakes(file, result.error.issues, input, (path) => Object.keys(path.length === 0 ? topologyFile.shape : (shapes[String(path[0])] ?? {}))))
  }
  const entries = entriesOf(result.data)
  const mistakes = [...duplicates(result.data, entries), ...unknownNames(result.data, entries)]
  if (mistakes.length === 0) mistakes.push(...rings(entries))
  if (mistakes.length > 0) throw new SettingsError(mistakes.map((mistake) => `${file}: ${mistake}`))
  const { slack, release, services } = result.data
  return buildTopology({ slackMs: slack, releaseMs: release, services, objects: entries.map((entry) => entry.object) })
}

/** An object with the place in the file that declares it. */
interface Entry {
  readonly path: string
  readonly object: TopologyObject
}

function entriesOf(file: TopologyFile): readonly Entry[] {
  return Object.entries(sections).flatMap(([section, kind]) =>
    file[section as keyof typeof sections].map((raw, index): Entry => {
      const instances = [raw.id, ...('instances' in raw ? raw.instances : [])]
      const leading = file.links.filter((one) => one.to === raw.id).map((one) => one.id)
      const near = 'from' in raw && raw.from !== CENTER ? [[raw.from]] : []
      // A link's district is where it leads, not what it is reached through.
      const around = kind !== 'link' && 'district' in raw && raw.district !== undefined ? [[raw.district]] : []
      return {
        path: `${section}.${index}`,
        object: {
          kind,
          id: raw.id,
          title: raw.title,
          district: 'district' in raw ? raw.district : undefined,
          instances: kind === 'host' || kind === 'device' ? instances : [],
          behind: [...(leading.length > 0 ? [leading] : []), ...near, ...around, ...raw.behind.map((one) => (typeof one === 'string' ? [one] : one))],
          hides: raw.hides ?? defaultHides,
          cause: raw.cause?.map(lists) ?? [defaultCause(kind, raw.id, instances)],
        },
      }
    }),
  )
}

const lists = (labels: Readonly<Record<string, string | readonly string[]>>): LabelMatch =>
  Object.fromEntries(Object.entries(labels).map(([name, one]) => [name, typeof one === 'string' ? [one] : one]))

/** `host-down` with the host's instance, `link-down` with the link's id, and so on. */
function defaultCause(kind: ObjectKind, name: string, instances: readonly string[]): LabelMatch {
  const fault = ['down', `${kind}-down`]
  return kind === 'host' || kind === 'device' ? { fault, instance: instances } : { fault, [kind]: [name] }
}

function duplicates(file: TopologyFile, entries: readonly Entry[]): readonly string[] {
  const seen = new Map<string, string>()
  const once = (key: string, path: string, what: string): readonly string[] => {
    const first = seen.get(key)
    if (first === undefined) seen.set(key, path)
    return first === undefined ? [] : [`${path}: expected ${what} of its own, ${first} has the same`]
  }
  return [
    ...file.services.flatMap((one, index) => once(`service ${one.id}`, `services.${index}.id`, 'an id')),
    ...entries.flatMap(({ path, object }) => (object.id === CENTER ? [`${path}.id: expected another id, ${CENTER} is where the monitoring stands`] : once(`object ${object.id}`, `${path}.id`, 'an id'))),
    ...entries.flatMap(({ path, object }) => object.instances.slice(1).flatMap((instance, index) => (entries.some((other) => other.path !== path && other.object.instances.includes(instance)) ? [`${path}.instances.${index}: expected an instance of one object only, got ${JSON.stringify(instance)}`] : []))),
  ]
}

function unknownNames(file: TopologyFile, entries: readonly Entry[]): readonly string[] {
  const kinds = new Map(entries.map(({ object }) => [object.id, object.kind]))
  const check = (name: string, path: string, kind?: ObjectKind): readonly string[] => {
    const found = kinds.get(name)
    if (found !== undefined && (kind === undefined || found === kind)) return []
    const near = nearestWord(name, [...kinds].filter(([, one]) => kind === undefined || one === kind).map(([one]) => one))
    return [`${path}: expected the id of a ${kind ?? 'declared object'}, got ${JSON.stringify(name)}${near === undefined ? '' : `, did you mean ${near}?`}`]
  }
  const mistakes = file.services.flatMap((one, index) => one.members.flatMap((member, place) => check(member, `services.${index}.members.${place}`)))
  for (const section of Object.keys(sections) as (keyof typeof sections)[]) {
    for (const [index, raw] of file[section].entries()) {
      const path = `${section}.${index}`
      for (const [place, one] of raw.behind.entries()) {
        if (typeof one === 'string') mistakes.push(...check(one, `${path}.behind.${place}`))
        else for (const [nth, name] of one.entries()) mistakes.push(...check(name, `${path}.behind.${place}.${nth}`))
      }
      if ('district' in raw && typeof raw.district === 'string') mistakes.push(...check(raw.district, `${path}.district`, 'district'))
      if ('from' in raw && typeof raw.from === 'string' && raw.from !== CENTER) mistakes.push(...check(raw.from, `${path}.from`))
      if ('to' in raw && typeof raw.to === 'string') mistakes.push(...check(raw.to, `${path}.to`))
    }
  }
  return mistakes
}

/** Depth first; the stack that meets itself is the ring. Each ring is told once, at the entry that was reached first. */
function rings(entries: readonly Entry[]): readonly string[] {
  const byId = new Map(entries.map((entry) => [entry.object.id, entry]))
  const done = new Set<string>()
  const mistakes: string[] = []
  const walk = (name: string, stack: readonly string[]): void => {
    const start = stack.indexOf(name)
    if (start >= 0) {
      const ring = [...stack.slice(start), name].join(' → ')
      mistakes.push(`${byId.get(name)?.path ?? name}: expected no object behind itself, found ${ring}`)
      return
    }
    if (done.has(name)) return
    for (const next of byId.get(name)?.object.behind.flat() ?? []) walk(next, [...stack, name])
    done.add(name)
  }
  for (const { object } of entries) walk(object.id, [])
  return mistakes
}
