import { Button } from 'antd'
import { serviceWords } from '../words.ts'

const step = (month: string, by: number): string => new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)) - 1 + by, 1)).toISOString().slice(0, 7)

/** One month back or forth, between the first and the last there is (`2026-07`). */
export function MonthSteps({ month, first, last, onPick }: { readonly month: string; readonly first: string; readonly last: string; readonly onPick: (month: string) => void }) {
  return (
    <span className="row" style={{ flexWrap: 'nowrap' }}>
      <Button aria-label={serviceWords.availability.previous} disabled={month <= first} onClick={() => onPick(step(month, -1))}>
        ‹
      </Button>
      <strong aria-label={serviceWords.availability.month}>{month}</strong>
      <Button aria-label={serviceWords.availability.next} disabled={month >= last} onClick={() => onPick(step(month, 1))}>
        ›
      </Button>
    </span>
  )
}
