import type { FigureView } from '../../../protocol/api-service.ts'

/** Whether approved maintenance counts like any other time, or is left out. */
export type Counted = 'withMaintenance' | 'withoutMaintenance'

/** How a cell is coloured; `blind` is hatched. */
export type Tone = 'none' | 'good' | 'fair' | 'bad' | 'blind' | 'bad blind'

/**
 * The colour of a figure, pure. Blind time is hatched and never green, whatever the rest of the span was. Without a
 * target, no bad time is good and any is `fair`: the console does not invent what nobody promised.
 */
export function tone({ ratio, badMs, blindMs }: Pick<FigureView, 'ratio' | 'badMs' | 'blindMs'>, target: number | null): Tone {
  if (ratio === null && blindMs === 0) return 'none'
  const below = target !== null && ratio !== null && ratio < target
  if (blindMs > 0) return below ? 'bad blind' : 'blind'
  if (below) return 'bad'
  return target === null && badMs > 0 ? 'fair' : 'good'
}

/** Whether nothing at all was seen of the span: 未监测, which is no figure, neither 100 % nor 0 %. Pure. */
export function isUnseen({ ratio, blindMs }: Pick<FigureView, 'ratio' | 'blindMs'>): boolean {
  return ratio === null && blindMs > 0
}
