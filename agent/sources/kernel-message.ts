/** Records of /dev/kmsg and what in them is a fault. Pure. */
import type { EventClass } from './event-counts.ts'

export interface KernelRecord {
  readonly sequence: number
  /** Since boot, by the clock that stops in suspend. */
  readonly microseconds: number
  readonly text: string
}

/**
 * One record: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];TEXT`, then lines ` KEY=value`. Undefined for what a program wrote
 * there itself (facility not 0: no evidence of the kernel's) and for what does not fit.
 * Source: kernel Documentation/ABI/testing/dev-kmsg.
 */
export function parseRecord(record: string): KernelRecord | undefined {
  const match = /^(\d+),(\d+),(\d+),[^;]*;([^\n]*)/.exec(record)
  if (match === null) return undefined
  const [, priority, sequence, microseconds, text = ''] = match
  if (Number(priority) >> 3 !== 0) return undefined
  return { sequence: Number(sequence), microseconds: Number(microseconds), text }
}

const oomKill: EventClass = { kind: 'oom-kill', rule: '', severity: 'critical' }
const ioError: EventClass = { kind: 'io-error', rule: '', severity: 'critical' }
const fsError: EventClass = { kind: 'fs-error', rule: '', severity: 'critical' }
const hungTask: EventClass = { kind: 'hung-task', rule: '', severity: 'warning' }
const corrected: EventClass = { kind: 'hardware-error', rule: 'corrected', severity: 'warning' }
const uncorrected: EventClass = { kind: 'hardware-error', rule: 'uncorrected', severity: 'critical' }
const readOnlyRemount: EventClass = { kind: 'readonly-remount', rule: '', severity: 'critical' }

/** Every class that is counted, whether or not it has ever happened. */
export const kernelClasses: readonly EventClass[] = [oomKill, ioError, fsError, hungTask, corrected, uncorrected, readOnlyRemount]

/** What a line says: its class, and the label that names the object (`device`, `process`, `task`), '' where it names none. */
export interface KernelFault {
  readonly class: EventClass
  readonly label: 'device' | 'process' | 'task'
  readonly object: string
}

type Pattern = readonly [expression: RegExp, of: EventClass, label: KernelFault['label']]

/**
 * First match wins; group 1 is the object. The wording changed over the years, so each names the kernels it was seen in.
 * One line is taken of each fault: the kernel prints dozens around an OOM kill.
 */
const patterns: readonly Pattern[] = [
  // 3.10: "Out of memory: Kill process 42 (java) score 901 or sacrifice child"; 5.0 on: "Out of memory: Killed process 42 (java) total-vm:…".
  [/^(?:Memory cgroup o|O)ut of memory(?: \([^)]*\))?: Kill(?:ed)? process \d+ \((.*?)\) (?:score|total-vm)/, oomKill, 'process'],
  [/^EXT[234]-fs \(([^)]+)\): Remounting filesystem read-only/, readOnlyRemount, 'device'],
  [/^BTRFS (?:error|info) \(device ([^)]+)\).*forced readonly/, readOnlyRemount, 'device'],
  [/^F2FS-fs \(([^)]+)\): .*[Rr]emounting.*read-only/, readOnlyRemount, 'device'],
  [/^EXT[234]-fs error \(device ([^)]+)\)/, fsError, 'device'],
  [/^BTRFS (?:critical|error) \(device ([^)]+)\)/, fsError, 'device'],
  [/^XFS \(([^)]+)\): (?:Metadata (?:corruption|CRC error)|Corruption|Internal error|xfs_do_force_shutdown|Log I\/O [Ee]rror|.*[Ss]hutting down filesystem)/, fsError, 'device'],
  [/^Aborting journal on device ([\w-]+?)(?:-\d+)?\.$/, fsError, 'device'],
  // 3.10: "end_request: I/O error, dev sda, sector 42"; 3.19: "blk_update_request:"; 4.14: "print_req_error:"; 5.x again blk_update_request; 5.17 "I/O error, dev sda".
  [/^(?:end_request: |blk_update_request: |print_req_error: )?(?:critical (?:medium|target|nexus|space allocation)|I\/O|recoverable transport|protection) error, dev (?!fd\d|sr\d)([\w-]+)/, ioError, 'device'],
  [/^Buffer I\/O error on (?:dev|device) (?!fd\d|sr\d)([\w-]+)/, ioError, 'device'],
  [/^(nvme\d+)(?:n\d+)?: (?:.*I\/O \d+ .*timeout|controller is down|.*Device not ready)/, ioError, 'device'],
  [/^INFO: task (.+?):\d+ blocked for more than \d+ seconds/, hungTask, 'task'],
  [/^(?:watchdog: )?BUG: soft lockup - CPU#\d+ stuck for .*?\[(.+?):\d+\]/, hungTask, 'task'],
  [/^(?:rcu: )?INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls? on CPU/, hungTask, 'task'],
  [/^EDAC (MC\d+): \d+ CE\b/, corrected, 'device'],
  [/^EDAC (MC\d+): \d+ UE\b/, uncorrected, 'device'],
  [/^(?:mce: )?\[Hardware Error\]: .*\b(?:CPU \d+|Machine [Cc]heck).*\bException\b/, uncorrected, 'device'],
  [/^\{\d+\}\[Hardware Error\]: *event severity: (?:fatal|recoverable)/, uncorrected, 'device'],
  [/^\{\d+\}\[Hardware Error\]: *event severity: corrected/, corrected, 'device'],
  [/^(?:mce: )?\[Hardware Error\]: Machine check events logged/, corrected, 'device'],
  [/^Memory failure: 0x([0-9a-f]+): /, uncorrected, 'device'],
  [/^pcieport ([\w:.]+): (?:AER: )?PCIe Bus Error: severity=Corrected/, corrected, 'device'],
  [/^pcieport ([\w:.]+): (?:AER: )?PCIe Bus Error: severity=Uncorrected/, uncorrected, 'device'],
  [/^NMI: (?:PCI system error \(SERR\)|IOCK error|Not continuing)/, uncorrected, 'device'],
  [/^Uhhuh\. NMI received for unknown reason/, uncorrected, 'device'],
]

/** What fault a line of the kernel tells, if any. Optical drives and floppies fail without being faults: left out. */
export function classify(text: string): KernelFault | undefined {
  for (const [expression, of, label] of patterns) {
    const match = expression.exec(text)
    if (match !== null) return { class: of, label, object: match[1] ?? '' }
  }
  return undefined
}
