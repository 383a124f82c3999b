import { gauge } from '../../protocol/series.ts'
import { ok } from './source.ts'
import { stepped, textIfThere } from './steps.ts'

/** The labels of `node_os_info` are the variables of the same names in capitals. */
const INFO_LABELS = [
  'build_id', 'id', 'id_like', 'image_id', 'image_version', 'name', 'pretty_name', 'variant', 'variant_id', 'version', 'version_codename', 'version_id',
] as const
const info = gauge(
  'node_os_info',
  `A metric with a constant '1' value labeled by ${INFO_LABELS.join(', ')}.`,
  ...INFO_LABELS,
)
const version = gauge('node_os_version', 'Metric containing the major.minor part of the OS version.', 'id', 'id_like', 'name')

/**
 * Variables of an os-release file: `NAME=value` as a shell would read it, values bare, in single or in double quotes with
 * backslash escapes. Source: os-release(5).
 */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line)
    if (match === null) continue
    const [, name = '', raw = ''] = match
    const quote = raw[0]
    if (quote === "'" && raw.endsWith("'") && raw.length > 1) variables.set(name, raw.slice(1, -1))
    else if (quote === '"' && raw.endsWith('"') && raw.length > 1) variables.set(name, raw.slice(1, -1).replace(/\\(["$`\\])/g, '$1'))
    else variables.set(name, raw)
  }
  return variables
}

/** The major.minor part of VERSION_ID as a number; undefined where there is none (rolling releases). */
export function versionNumber(versionId: string): number | undefined {
  const match = /^\d+(?:\.\d+)?/.exec(versionId)
  return match === null ? undefined : Number(match[0])
}

/** Name and version of the operating system, from the two places where os-release(5) says it may lie. */
export const osRelease = stepped({
  name: 'os',
  cadence: 'minute',
  timeoutMs: 2_000,
  series: [info, version],
  *steps(host, out) {
    const text = (yield* textIfThere(host, '/etc/os-release')) ?? (yield* textIfThere(host, '/usr/lib/os-release'))
    if (text === undefined) return { kind: 'absent', why: 'there is no os-release file' }
    const variables = parseOsRelease(text)
    const value = (name: string): string => variables.get(name.toUpperCase()) ?? ''
    out.sample(out.series(info, ...INFO_LABELS.map(value)), 1)
    const number = versionNumber(value('version_id'))
    if (number !== undefined) out.sample(out.series(version, value('id'), value('id_like'), value('name')), number)
    return ok
  },
})
