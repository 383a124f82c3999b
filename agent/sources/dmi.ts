import { gauge } from '../../protocol/series.ts'
import { type Outcome, ok } from './source.ts'
import { attribute, namesIfThere, stepped } from './steps.ts'

const FOLDER = '/sys/class/dmi/id'
/** node_exporter's labels; the file has the same name but for `sys_vendor`. The serial numbers and the UUID are for root only. */
const LABELS = `bios_date bios_release bios_vendor bios_version board_asset_tag board_name board_serial board_vendor board_version
  chassis_asset_tag chassis_serial chassis_vendor chassis_version product_family product_name product_serial product_sku product_uuid
  product_version system_vendor`.split(/\s+/)
const info = gauge('node_dmi_info', 'Identity of the machine by its firmware; always 1. Labels it does not give are left out.', ...LABELS)

const absent: Outcome<void> = { kind: 'absent', why: `no ${FOLDER}: a machine without DMI` }

export const dmi = stepped({
  name: 'dmi',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [info],
  *steps(host, out) {
    const files = yield* namesIfThere(host, FOLDER)
    if (files === undefined) return absent
    const values: string[] = []
    for (const label of LABELS) {
      const file = label === 'system_vendor' ? 'sys_vendor' : label
      values.push(files.includes(file) ? ((yield* attribute(host, `${FOLDER}/${file}`)) ?? '') : '')
    }
    out.sample(out.series(info, ...values), 1)
    return ok
  },
})
