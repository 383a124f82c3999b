import { BarChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'react'
import type { AvailabilityView } from '../../../protocol/api-service.ts'
import { serviceWords } from '../../words.ts'

use([BarChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer])
const w = serviceWords.availability

/** Minutes that a service was bad, and that nobody could see it, by day. */
export function DayBars({ days }: { readonly days: readonly (AvailabilityView & { readonly date: string })[] }) {
  const element = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (element.current === null) return undefined
    const chart = init(element.current)
    const minutes = (pick: (day: AvailabilityView) => number): readonly number[] => days.map((day) => Math.round(pick(day) / 600) / 100)
    chart.setOption({
      animation: false,
      grid: { left: 46, right: 8, top: 30, bottom: 24 },
      legend: { top: 0 },
      tooltip: { trigger: 'axis', confine: true },
      xAxis: { type: 'category', data: days.map((day) => String(Number(day.date.slice(8)))) },
      yAxis: { type: 'value', minInterval: 1 },
      series: [
        { type: 'bar', stack: 'day', name: w.bad, data: minutes((day) => day.withMaintenance.badMs), itemStyle: { color: '#c9252d' } },
        { type: 'bar', stack: 'day', name: w.blind, data: minutes((day) => day.withMaintenance.blindMs), itemStyle: { color: '#d5dbe4', decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: Math.PI / 4, color: '#5b6b82' } } },
      ],
    })
    const observer = new ResizeObserver(() => chart.resize())
    observer.observe(element.current)
    return () => {
      observer.disconnect()
      chart.dispose()
    }
  }, [days])
  return (
    <section aria-label={w.chart}>
      <strong>{w.chart}</strong>
      <div ref={element} style={{ height: 170 }} />
    </section>
  )
}
