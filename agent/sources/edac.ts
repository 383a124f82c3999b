import { counter } from '../../protocol/series.ts'
import { numberOf } from './fields.ts'
import { ok } from './source.ts'
import { attribute, namesIfThere, stepped } from './steps.ts'

const correctable = counter('node_edac_correctable_errors_total', 'Total correctable memory errors.', 'controller')
const uncorrectable = counter('node_edac_uncorrectable_errors_total', 'Total uncorrectable memory errors.', 'controller')
const rowCorrectable = counter('node_edac_csrow_correctable_errors_total', 'Total correctable memory errors for this csrow.', 'controller', 'csrow')
const rowUncorrectable = counter('node_edac_csrow_uncorrectable_errors_total', 'Total uncorrectable memory errors for this csrow.', 'controller', 'csrow')

const FOLDER = '/sys/devices/system/edac/mc'

/**
 * Memory errors that the controllers counted, per controller and per csrow; errors whose row is not known are row
 * `unknown`. Source: kernel Documentation/admin-guide/ras.rst.
 */
export const edac = stepped({
  name: 'edac',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [correctable, uncorrectable, rowCorrectable, rowUncorrectable],
  *steps(host, out) {
    const controllers = ((yield* namesIfThere(host, FOLDER)) ?? []).filter((name) => /^mc\d+$/.test(name))
    if (controllers.length === 0) return { kind: 'absent', why: 'no memory controller is watched by EDAC (no ECC memory, or no driver)' }
    for (const name of controllers) {
      const controller = name.slice(2)
      const folder = `${FOLDER}/${name}`
      const counts: [file: string, spec: typeof correctable, labels: readonly string[]][] = [
        ['ce_count', correctable, [controller]],
        ['ue_count', uncorrectable, [controller]],
        ['ce_noinfo_count', rowCorrectable, [controller, 'unknown']],
        ['ue_noinfo_count', rowUncorrectable, [controller, 'unknown']],
      ]
      for (const row of (yield* namesIfThere(host, folder)) ?? []) {
        if (!/^csrow\d+$/.test(row)) continue
        counts.push([`${row}/ce_count`, rowCorrectable, [controller, row.slice(5)]], [`${row}/ue_count`, rowUncorrectable, [controller, row.slice(5)]])
      }
      for (const [file, spec, labels] of counts) {
        const text = yield* attribute(host, `${folder}/${file}`)
        if (text !== undefined && text !== '') out.sample(out.series(spec, ...labels), numberOf(`${folder}/${file}`, text))
      }
    }
    return ok
  },
})
