import { fill } from '../sentence.ts'
import type { Wording } from '../incidents/wording.ts'
import type { ChannelProblem } from './channel-problem.ts'

const percent = (ratio: number): string => `${Math.round(ratio * 100)}%`

/** What is wrong with the ways to reach people, as a sentence for the overview. */
export function problemText(problem: ChannelProblem, wording: Wording): string {
  const words = wording.message.problem
  switch (problem.kind) {
    case 'all-channels-down':
      return words['all-channels-down']
    case 'ahead':
      return fill(words['budget-ahead'], { channel: problem.channel, used: percent(problem.usedRatio), elapsed: percent(problem.elapsedRatio) })
    case 'used-up':
      return fill(words['budget-used-up'], { channel: problem.channel })
    case 'balance-low':
      return fill(words['balance-low'], { channel: problem.channel, left: String(problem.left) })
  }
}
