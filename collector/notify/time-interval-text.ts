import type { InclusiveRange, TimeInterval } from './time-interval.ts'

const weekdays = ['日', '一', '二', '三', '四', '五', '六'] as const

/** A time interval in words: `周一至周五 09:00–18:00（Asia/Shanghai）`. */
export function timeIntervalText(interval: TimeInterval): string {
  const ranges = (list: readonly InclusiveRange[], word: (value: number) => string): string => list.map(({ begin, end }) => (begin === end ? word(begin) : `${word(begin)}至${word(end)}`)).join('、')
  const parts = [
    interval.years === undefined ? '' : ranges(interval.years, (year) => `${year} 年`),
    interval.months === undefined ? '' : ranges(interval.months, (month) => `${month} 月`),
    interval.daysOfMonth === undefined ? '' : ranges(interval.daysOfMonth, (day) => (day < 0 ? `倒数第 ${-day} 日` : `${day} 日`)),
    interval.weekdays === undefined ? '' : ranges(interval.weekdays, (day) => `周${weekdays[day] ?? day}`),
    interval.times === undefined ? '全天' : interval.times.map(({ startMinute, endMinute }) => `${timeOfDay(startMinute)}–${timeOfDay(endMinute)}`).join('、'),
  ]
  return `${parts.filter((part) => part !== '').join(' ')}（${interval.location}）`
}

const timeOfDay = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
