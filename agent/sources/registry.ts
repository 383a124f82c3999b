import { arp } from './arp.ts'
import { bonding } from './bonding.ts'
import { conntrack } from './conntrack.ts'
import { cpuThrottles } from './cpu-throttles.ts'
import { cpu } from './cpu.ts'
import { cpufreq } from './cpufreq.ts'
import { diskInfo } from './disk-info.ts'
import { diskstats } from './diskstats.ts'
import { dmi } from './dmi.ts'
import { edac } from './edac.ts'
import { entropy } from './entropy.ts'
import { filefd } from './filefd.ts'
import { filesystem } from './filesystem.ts'
import { hwmon } from './hwmon.ts'
import { kernelLog } from './kernel-log.ts'
import { loadavg } from './loadavg.ts'
import { mdadm } from './mdadm.ts'
import { meminfo } from './meminfo.ts'
import { netclass, netclassInfo } from './netclass.ts'
import { netdev } from './netdev.ts'
import { netstat } from './netstat.ts'
import { osRelease } from './os-release.ts'
import { pressure } from './pressure.ts'
import { processes } from './processes.ts'
import { rapl } from './rapl.ts'
import { schedstat } from './schedstat.ts'
import { selinux } from './selinux.ts'
import { sockstat } from './sockstat.ts'
import { softnet } from './softnet.ts'
import type { Source } from './source.ts'
import { stat } from './stat.ts'
import { systemd } from './systemd.ts'
import { tcpStates } from './tcp-states.ts'
import { thermalZone } from './thermal-zone.ts'
import { timeZone } from './time-zone.ts'
import { time } from './time.ts'
import { timesync } from './timesync.ts'
import { udpQueues } from './udp-queues.ts'
import { uname } from './uname.ts'
import { vmstat } from './vmstat.ts'

/** Every source there is, in the order in which they are started. Nothing registers itself. */
export const sources = [
  cpu,
  stat,
  loadavg,
  meminfo,
  vmstat,
  pressure,
  schedstat,
  diskstats,
  filesystem,
  mdadm,
  netdev,
  bonding,
  conntrack,
  netclass,
  netstat,
  sockstat,
  softnet,
  arp,
  filefd,
  entropy,
  kernelLog,
  time,
  processes,
  tcpStates,
  udpQueues,
  netclassInfo,
  diskInfo,
  cpuThrottles,
  cpufreq,
  thermalZone,
  hwmon,
  edac,
  rapl,
  timeZone,
  uname,
  osRelease,
  timesync,
  systemd,
  selinux,
  dmi,
] as const satisfies readonly Source[]
