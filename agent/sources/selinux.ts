import { gauge } from '../../protocol/series.ts'
import { ok } from './source.ts'
import { stepped, textIfThere } from './steps.ts'

const enabled = gauge('node_selinux_enabled', 'SELinux is enabled, 1 is true, 0 is false')
const configMode = gauge('node_selinux_config_mode', 'Configured SELinux enforcement mode')
const currentMode = gauge('node_selinux_current_mode', 'Current SELinux enforcement mode')

/** node_exporter's numbers for the words of the settings file. */
const MODES: Readonly<Record<string, number>> = { enforcing: 1, permissive: 0, disabled: -1 }

/** The `SELINUX=` setting as node_exporter's number; disabled where it is missing or another word. Source: selinux_config(5). */
export function parseSelinuxConfig(text: string): number {
  const word = /^\s*SELINUX\s*=\s*(\w+)\s*$/m.exec(text)?.[1]?.toLowerCase()
  return word === undefined ? -1 : (MODES[word] ?? -1)
}

/** Whether SELinux is on (its file system is there), and its mode, set and current. */
export const selinux = stepped({
  name: 'selinux',
  cadence: 'minute',
  timeoutMs: 5_000,
  series: [enabled, configMode, currentMode],
  *steps(host, out) {
    const enforce = yield* textIfThere(host, '/sys/fs/selinux/enforce')
    out.sample(out.series(enabled), enforce === undefined ? 0 : 1)
    if (enforce === undefined) return ok
    out.sample(out.series(currentMode), enforce.trim() === '1' ? 1 : 0)
    out.sample(out.series(configMode), parseSelinuxConfig((yield* textIfThere(host, '/etc/selinux/config')) ?? ''))
    return ok
  },
})
