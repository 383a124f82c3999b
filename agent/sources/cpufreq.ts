import { gauge } from '../../protocol/series.ts'
import { numberOf } from './fields.ts'
import { type Outcome, ok } from './source.ts'
import { attribute, namesIfThere, slowAttribute, stepped } from './steps.ts'

const FOLDER = '/sys/devices/system/cpu'
const hertz = (name: string, help: string) => gauge(`node_cpu_${name}_hertz`, help, 'cpu')
/** kHz in sysfs. The current ones ask the CPU itself. */
const FILES = [
  ['cpuinfo_cur_freq', hertz('frequency', 'Current cpu thread frequency in hertz.'), true],
  ['cpuinfo_min_freq', hertz('frequency_min', 'Minimum cpu thread frequency in hertz.'), false],
  ['cpuinfo_max_freq', hertz('frequency_max', 'Maximum cpu thread frequency in hertz.'), false],
  ['scaling_cur_freq', hertz('scaling_frequency', 'Current scaled CPU thread frequency in hertz.'), true],
  ['scaling_min_freq', hertz('scaling_frequency_min', 'Minimum scaled CPU thread frequency in hertz.'), false],
  ['scaling_max_freq', hertz('scaling_frequency_max', 'Maximum scaled CPU thread frequency in hertz.'), false],
] as const
const governor = gauge('node_cpu_scaling_governor', 'Current enabled CPU frequency governor.', 'cpu', 'governor')

const absent: Outcome<void> = { kind: 'absent', why: 'no CPU with frequency scaling' }

/**
 * CPU frequencies. Kernels from 4.13 to 5.18 sleep 10 ms or more per CPU in a read of `scaling_cur_freq`, so the current
 * ones go through the thread pool, one at a time, once a minute: with a hundred CPUs that may take seconds and harms nobody.
 */
export const cpufreq = stepped({
  name: 'cpufreq',
  cadence: 'minute',
  timeoutMs: 15_000,
  series: [...FILES.map(([, spec]) => spec), governor],
  *steps(host, out, signal) {
    let found = 0
    for (const name of (yield* namesIfThere(host, FOLDER)) ?? []) {
      if (!/^cpu\d+$/.test(name)) continue
      const path = `${FOLDER}/${name}/cpufreq`
      const files = yield* namesIfThere(host, path)
      if (files === undefined) continue
      found++
      const cpu = name.slice(3)
      for (const [file, spec, slow] of FILES) {
        if (!files.includes(file)) continue
        const text = slow ? yield* slowAttribute(host, `${path}/${file}`, signal) : yield* attribute(host, `${path}/${file}`)
        // `<unknown>` from drivers that cannot tell now.
        if (text !== undefined && text !== '' && text !== '<unknown>') out.sample(out.series(spec, cpu), numberOf(`${path}/${file}`, text) * 1000)
      }
      const current = yield* attribute(host, `${path}/scaling_governor`)
      if (current === undefined || current === '') continue
      for (const word of new Set(((yield* attribute(host, `${path}/scaling_available_governors`)) ?? current).split(' '))) {
        if (word !== '') out.sample(out.series(governor, cpu, word), word === current ? 1 : 0)
      }
    }
    return found === 0 ? absent : ok
  },
})
