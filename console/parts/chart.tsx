import { LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useEffect, useRef } from 'react'
import type { Line } from '../api.ts'
import { words } from '../words.ts'

use([LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer])

const zone = 'Asia/Shanghai'
const short = new Intl.DateTimeFormat('zh-CN', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const long = new Intl.DateTimeFormat('zh-CN', { timeZone: zone, month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

export interface ChartProps {
  readonly title: string
  readonly lines: readonly Line[]
  readonly fromMs: number
  readonly toMs: number
  readonly unit: (value: number) => string
  /** Upper end of the axis where the unit has one (1 for a ratio). */
  readonly max?: number
}

/** A time chart in office time. Gaps in the data stay gaps. */
export function Chart({ title, lines, fromMs, toMs, unit, max }: ChartProps) {
  const element = useRef<HTMLDivElement>(null)
  const chart = useRef<ReturnType<typeof init> | null>(null)
  useEffect(() => {
    if (element.current === null) return undefined
    const instance = init(element.current)
    chart.current = instance
    const observer = new ResizeObserver(() => instance.resize())
    observer.observe(element.current)
    return () => {
      observer.disconnect()
      instance.dispose()
      chart.current = null
    }
  }, [])
  useEffect(() => {
    chart.current?.setOption(
      {
        animation: false,
        grid: { left: 64, right: 12, top: 12, bottom: lines.length > 1 ? 48 : 26 },
        tooltip: { trigger: 'axis', confine: true, valueFormatter: (value: unknown) => (typeof value === 'number' ? unit(value) : words.none), axisPointer: { label: { formatter: (one: { value: number }) => long.format(one.value) } } },
        ...(lines.length > 1 ? { legend: { bottom: 0, type: 'scroll', itemHeight: 8 } } : {}),
        xAxis: { type: 'time', min: fromMs, max: toMs, axisLabel: { formatter: (at: number) => (toMs - fromMs > 86_400_000 ? long.format(at).slice(0, 5) : short.format(at)), hideOverlap: true } },
        yAxis: { type: 'value', min: 0, ...(max === undefined ? {} : { max }), axisLabel: { formatter: unit } },
        series: lines.map((line) => ({ type: 'line', name: line.name, data: line.points.map(([at, value]) => [at, value]), showSymbol: false, lineStyle: { width: 1.5 }, sampling: 'lttb' })),
      },
      { notMerge: true },
    )
  }, [lines, fromMs, toMs, unit, max])
  return (
    <section className="card" aria-label={title}>
      <strong>{title}</strong>
      {lines.length === 0 && <div className="soft">{words.hosts.noData}</div>}
      <div ref={element} className="chart" data-lines={lines.length} />
    </section>
  )
}
