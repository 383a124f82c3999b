/** Functions of one value: arithmetic, logarithms, angles, clamping. Results are floats as Go's math package gives them. */
import { withPresent } from '../block.ts'
import { argument, argumentValues } from './arguments.ts'
import { map, whole, type FunctionTable } from './function.ts'

const clampBetween = (value: number, [low = NaN, high = NaN]: readonly number[]): number => Math.max(low, Math.min(high, value))

export const mathFunctions: FunctionTable = {
  abs: map(Math.abs),
  ceil: map(Math.ceil),
  floor: map(Math.floor),
  exp: map(Math.exp),
  sqrt: map(Math.sqrt),
  ln: map(Math.log),
  log2: map(Math.log2),
  log10: map(Math.log10),
  sin: map(Math.sin),
  cos: map(Math.cos),
  tan: map(Math.tan),
  asin: map(Math.asin),
  acos: map(Math.acos),
  atan: map(Math.atan),
  sinh: map(Math.sinh),
  cosh: map(Math.cosh),
  tanh: map(Math.tanh),
  asinh: map(Math.asinh),
  acosh: map(Math.acosh),
  atanh: map(Math.atanh),
  deg: map((value) => (value * 180) / Math.PI),
  rad: map((value) => (value * Math.PI) / 180),
  sgn: map((value) => (value < 0 ? -1 : value > 0 ? 1 : value)),
  // Rounding to the inverse avoids the error of dividing by 0.1; halves go up.
  round: map((value, [to = 1]) => {
    const inverse = 1 / to
    return Math.floor(value * inverse + 0.5) / inverse
  }),
  clamp_min: map((value, [low = NaN]) => Math.max(low, value)),
  clamp_max: map((value, [high = NaN]) => Math.min(high, value)),
  clamp: whole((call, context) => {
    const block = context.vector(argument(call, 0))
    const low = argumentValues(call, 1, context)
    const high = argumentValues(call, 2, context)
    const { steps } = block
    // A lower bound above the upper one leaves nothing at that step.
    const present = block.present.map((cell, index) => ((low[index % steps] ?? NaN) > (high[index % steps] ?? NaN) ? 0 : cell))
    const values = block.values.map((value, index) => clampBetween(value, [low[index % steps] ?? NaN, high[index % steps] ?? NaN]))
    return { kind: 'vector', block: withPresent({ ...block, values, drops: new Uint8Array(block.rows.length).fill(1) }, present) }
  }),
}
