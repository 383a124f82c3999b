import { arch, release } from 'node:os'
import type { Host } from './host.ts'
import type { HardwareIdentity } from './sources/identity.ts'
import { parseOsRelease } from './sources/os-release.ts'
import { runSteps, textIfThere } from './sources/steps.ts'

/** What a board's or DIMM's maker left empty, or systeminformation could not read: not a value. */
const NOTHING = /^(?:|-|unknown|not specified|none|n\/a|default string|to be filled by o\.?e\.?m\.?|no dimm|system serial number)$/i

function text(value: unknown): string | undefined {
  const trimmed = typeof value === 'string' ? value.trim() : ''
  return NOTHING.test(trimmed) ? undefined : trimmed
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined
}

/** Leaves out what is undefined, so that an unknown property is not there rather than null. */
function known<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}

/** The disks in /sys/block that are hardware: for machines whose lsblk is too old for systeminformation (util-linux below 2.27). */
async function disksOfSys(host: Host): Promise<HardwareIdentity['disks']> {
  const disks: HardwareIdentity['disks'] = []
  for (const name of [...(await host.list('/sys/block'))].sort()) {
    if (!(await host.exists(`/sys/block/${name}/device`))) continue
    const read = async (file: string): Promise<string | undefined> => {
      const path = `/sys/block/${name}/${file}`
      return (await host.exists(path)) ? text(await host.read(path)) : undefined
    }
    // /sys counts sectors of 512 bytes whatever the disk's own are.
    const sizeBytes = positive(Number(await read('size')) * 512)
    disks.push(known({ device: `/dev/${name}`, vendor: await read('device/vendor'), model: await read('device/model'), serial: await read('device/serial'), sizeBytes }))
  }
  return disks
}

/**
 * The operating system, as os-release(5) and uname(2) have it: `Debian GNU/Linux`, `12`. Not by systeminformation, whose
 * `osInfo` starts 17 programs to say the same, one of which (`hostname --fqdn`) may wait for a name server.
 */
export async function readOperatingSystem(host: Host): Promise<HardwareIdentity['os']> {
  const file = (await runSteps(textIfThere(host, '/etc/os-release'))) ?? (await runSteps(textIfThere(host, '/usr/lib/os-release'))) ?? ''
  const variables = parseOsRelease(file)
  // `12 (bookworm)`, `22.04.5 LTS (Jammy Jellyfish)`: the number and no name; rolling releases have neither.
  const version = variables.get('VERSION')?.replace(/\(.*/, '')
  return known({ distribution: text(variables.get('NAME')), release: text(version) ?? text(variables.get('VERSION_ID')), kernel: text(release()), architecture: text(arch()) })
}

/**
 * What hardware this machine is, for the child entry `agent identity`, which prints it as one line of JSON and ends. It is
 * a process of its own because systeminformation starts dozens of programs, some of them by execSync without a time limit,
 * and keeps tens of megabytes: the agent runs it, waits at most its own time, and kills it.
 *
 * Only these of its calls are made, none of which takes a name or text from outside: system, bios, baseboard, cpu, memLayout,
 * diskLayout. Serial numbers and DIMMs need root; without it they are left out.
 */
export async function readIdentity(host: Host): Promise<HardwareIdentity> {
  const { default: si } = await import('systeminformation')
  const [system, bios, board, cpu, os, memory, disks] = await Promise.all([
    si.system(), si.bios(), si.baseboard(), si.cpu(), readOperatingSystem(host), si.memLayout(), si.diskLayout(),
  ])
  // Without root it makes up one module as large as all memory, with no slot and no type: that is no DIMM.
  const modules = memory
    .filter((module) => module.size > 0 && (text(module.bank) !== undefined || text(module.type) !== undefined))
    .map((module) =>
      known({
        slot: text(module.bank),
        sizeBytes: module.size,
        type: text(module.type),
        manufacturer: text(module.manufacturer),
        part: text(module.partNum),
        serial: text(module.serialNum),
        clockMegahertz: positive(module.clockSpeed),
      }),
    )
  return {
    system: known({ manufacturer: text(system.manufacturer), model: text(system.model), serial: text(system.serial), uuid: text(system.uuid), virtual: system.virtual }),
    bios: known({ vendor: text(bios.vendor), version: text(bios.version), releaseDate: text(bios.releaseDate) }),
    board: known({ manufacturer: text(board.manufacturer), model: text(board.model), serial: text(board.serial), memorySlots: positive(board.memSlots) }),
    cpu: known({ manufacturer: text(cpu.manufacturer), brand: text(cpu.brand), sockets: positive(cpu.processors), physicalCores: positive(cpu.physicalCores), cores: positive(cpu.cores) }),
    os,
    ...(modules.length === 0 ? {} : { memory: modules }),
    disks:
      disks.length === 0
        ? await disksOfSys(host)
        : disks.map((disk) =>
            known({
              device: disk.device,
              vendor: text(disk.vendor),
              model: text(disk.name),
              serial: text(disk.serialNum),
              firmware: text(disk.firmwareRevision),
              sizeBytes: positive(disk.size),
              interface: text(disk.interfaceType),
            }),
          ),
  }
}
