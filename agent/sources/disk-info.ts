import { gauge } from '../../protocol/series.ts'
import { parseDiskstats } from './diskstats.ts'
import { ok } from './source.ts'
import { namesIfThere, settled, stepped, textIfThere } from './steps.ts'

const info = gauge('node_disk_info', 'Info of /sys/block/<block_device>.', 'device', 'major', 'minor', 'path', 'wwn', 'model', 'serial', 'revision')
const filesystemInfo = gauge('node_disk_filesystem_info', 'Info about disk filesystem.', 'device', 'type', 'usage', 'uuid', 'version')
const mapperInfo = gauge('node_disk_device_mapper_info', 'Info about disk device mapper.', 'device', 'name', 'uuid', 'vg_name', 'lv_name', 'lv_layer')
const ata = [
  ['ID_ATA_WRITE_CACHE', gauge('node_disk_ata_write_cache', 'ATA disk has a write cache.', 'device')],
  ['ID_ATA_WRITE_CACHE_ENABLED', gauge('node_disk_ata_write_cache_enabled', 'ATA disk has its write cache enabled.', 'device')],
  ['ID_ATA_ROTATION_RATE_RPM', gauge('node_disk_ata_rotation_rate_rpm', 'ATA disk rotation rate in RPMs (0 for SSDs).', 'device')],
] as const

/** Properties (`E:` lines) of a udev database entry. Lines of other kinds, also unknown ones, are passed over. Source: systemd, sd-device. */
export function parseUdevProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (line.startsWith('E:') && equals !== -1) properties.set(line.slice(2, equals), line.slice(equals + 1))
  }
  return properties
}

/** What does not change about disks: model, serial number, file system, mapping. Once a minute, from udev's database where there is one. */
export const diskInfo = stepped({
  name: 'disk-info',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [info, filesystemInfo, mapperInfo, ...ata.map(([, spec]) => spec)],
  *steps(host, out) {
    const disks = parseDiskstats(yield* settled(host.read('/proc/diskstats')))
    const known = new Set((yield* namesIfThere(host, '/run/udev/data')) ?? [])
    for (const { device, major, minor } of disks) {
      const entry = `b${major}:${minor}`
      const text = known.has(entry) ? yield* textIfThere(host, `/run/udev/data/${entry}`) : undefined
      const properties = parseUdevProperties(text ?? '')
      const of = (name: string): string => properties.get(name) ?? ''
      // The serial number on the label first; virtio disks have only the last.
      const serial = of('SCSI_IDENT_SERIAL') || of('ID_SERIAL_SHORT') || of('ID_SERIAL')
      out.sample(out.series(info, device, String(major), String(minor), of('ID_PATH'), of('ID_WWN'), of('ID_MODEL'), serial, of('ID_REVISION')), 1)
      if (of('ID_FS_TYPE') !== '') {
        out.sample(out.series(filesystemInfo, device, of('ID_FS_TYPE'), of('ID_FS_USAGE'), of('ID_FS_UUID'), of('ID_FS_VERSION')), 1)
      }
      if (of('DM_NAME') !== '') {
        out.sample(out.series(mapperInfo, device, of('DM_NAME'), of('DM_UUID'), of('DM_VG_NAME'), of('DM_LV_NAME'), of('DM_LV_LAYER')), 1)
      }
      if (of('ID_ATA') === '') continue
      for (const [property, spec] of ata) {
        const value = Number(of(property))
        if (of(property) !== '' && Number.isFinite(value)) out.sample(out.series(spec, device), value)
      }
    }
    return ok
  },
})
