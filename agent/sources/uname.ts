import { gauge } from '../../protocol/series.ts'
import { ok } from './source.ts'
import { settled, stepped, textIfThere } from './steps.ts'

const FOLDER = '/proc/sys/kernel'
const info = gauge('node_uname_info', 'Labeled system information as provided by the uname system call.', 'sysname', 'release', 'version', 'machine', 'nodename', 'domainname')

/** Distributions' words in a kernel's release for what uname(2) calls the machine. */
const MACHINES: readonly (readonly [ending: RegExp, machine: string])[] = [
  [/[.-](?:x86_64|amd64)$/, 'x86_64'],
  [/[.-](?:aarch64|arm64)$/, 'aarch64'],
]

/**
 * uname's `machine`: /proc/sys/kernel/arch says it since Linux 6.1; before, RHEL's and Debian's releases end in it; and at
 * last it is what the agent's own Node was built for, which runs on the same machine.
 */
export function machineOf(arch: string | undefined, release: string, nodeArch: string): string {
  if (arch !== undefined && arch !== '') return arch
  for (const [ending, machine] of MACHINES) if (ending.test(release)) return machine
  return nodeArch === 'x64' ? 'x86_64' : nodeArch === 'arm64' ? 'aarch64' : nodeArch
}

export const uname = stepped({
  name: 'uname',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [info],
  *steps(host, out) {
    const values: string[] = []
    for (const file of ['ostype', 'osrelease', 'version', 'hostname', 'domainname']) values.push((yield* settled(host.read(`${FOLDER}/${file}`))).trimEnd())
    const [sysname = '', release = '', version = '', nodename = '', domainname = ''] = values
    const machine = machineOf((yield* textIfThere(host, `${FOLDER}/arch`))?.trimEnd(), release, process.arch)
    out.sample(out.series(info, sysname, release, version, machine, nodename, domainname), 1)
    return ok
  },
})
