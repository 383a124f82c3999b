/** What the benches share: process figures from /proc, medians, and the closing JSON line. */
import { readFileSync, readdirSync } from 'node:fs'

/** CPU seconds of a live process, all threads, from schedstat's nanoseconds (stat's ticks are 10 ms: too coarse here). */
export function cpuSeconds(pid: number): number {
  let total = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e9
  return total
}

/** CPU seconds of the children a process has reaped (cutime + cstime; 10 ms ticks). */
export function childCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

export interface Memory {
  readonly rssMb: number
  /** Anonymous and other private pages that were written: what the program's authors control. */
  readonly privateDirtyMb: number
  readonly anonymousMb: number
  readonly pssMb: number
}

export function memory(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) / 1024
  return { rssMb: mb('Rss'), privateDirtyMb: mb('Private_Dirty'), anonymousMb: mb('Anonymous'), pssMb: mb('Pss') }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** The value that a share `q` of them does not exceed (nearest rank). */
export function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * q) - 1)] ?? Number.NaN
}

/** `0.46 (0.41–0.52)`: median and range. */
export function spread(values: readonly number[], digits = 2): string {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`
}

export function rounded(value: number, digits = 3): number {
  return Number(value.toFixed(digits))
}

/** The last line of every bench. */
export function report(result: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(result))
}
