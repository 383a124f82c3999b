/** Numbers and times as people here read them. Times are shown in Asia/Shanghai whatever the browser's zone is. */
import { words } from './words.ts'

const zone = 'Asia/Shanghai'
const full = new Intl.DateTimeFormat('zh-CN', { timeZone: zone, month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const withYear = new Intl.DateTimeFormat('zh-CN', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

/** `11/22 08:00:00`, with the year when it is not this one. */
export function timeText(at: number, now: number): string {
  const sameYear = new Date(at).getUTCFullYear() === new Date(now).getUTCFullYear()
  return (sameYear ? full : withYear).format(at)
}

/** `2 天 3 小时`, `5 分 12 秒`: the two largest units. Milliseconds in. */
export function durationText(ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), '天'],
    [Math.floor((seconds % 86_400) / 3600), '小时'],
    [Math.floor((seconds % 3600) / 60), '分'],
    [seconds % 60, '秒'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first === -1) return '0 秒'
  return parts
    .slice(first, first + 2)
    .filter(([amount], index) => index === 0 || amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

/** `24 小时`: limits are named in hours, as the contract names them. */
export function hoursText(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000} 小时` : durationText(ms)
}

/** `3 分 2 秒前` */
export function agoText(at: number, now: number): string {
  return now - at < 1500 ? '刚刚' : `${durationText(now - at)}前`
}

/** `1:02:03` for a running clock, with a minus sign once it is over. */
export function countdownText(leftMs: number): string {
  const seconds = Math.floor(Math.abs(leftMs) / 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${leftMs < 0 ? '−' : ''}${Math.floor(seconds / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`
}

/** `12.3%`; unknown is a dash, never zero. */
export function percentText(ratio: number | null): string {
  return ratio === null ? words.none : `${(ratio * 100).toFixed(1)}%`
}

/** `1.5 GiB` */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = Math.abs(bytes)
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${bytes < 0 ? '−' : ''}${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit] ?? ''}`
}

/** A reading of any size in at most four significant digits. */
export function numberText(value: number | null): string {
  if (value === null) return words.none
  if (!Number.isFinite(value)) return String(value)
  return Number(value.toPrecision(4)).toLocaleString('zh-CN')
}

const officeParts = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** A moment as `<input type="datetime-local">` holds it, in office time: `2026-11-22T08:00`. */
export function officeInput(at: number): string {
  return officeParts.format(at).replace(' ', 'T')
}

/** The moment that such an input names; NaN for none. The office's zone is +08:00 all the year. */
export function fromOfficeInput(text: string): number {
  return Date.parse(`${text.slice(0, 16)}:00+08:00`)
}

/** The month of a moment in office time, `2026-11`. */
export function officeMonth(at: number): string {
  return officeParts.format(at).slice(0, 7)
}

const clockOnly = new Intl.DateTimeFormat('zh-CN', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const dayAndClock = new Intl.DateTimeFormat('zh-CN', { timeZone: zone, month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** `18:00` */
export function clockText(at: number): string {
  return clockOnly.format(at)
}

/** `11/22 18:00` */
export function minuteText(at: number): string {
  return dayAndClock.format(at)
}

/** `2026-11-22`, the office day of a moment. */
export function officeDay(at: number): string {
  return officeParts.format(at).slice(0, 10)
}

/** The first moment of an office day. */
export function startOfDay(date: string): number {
  return fromOfficeInput(`${date}T00:00`)
}

/** A date so many days later. */
export function daysAfter(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}
