/** Kahan-Babuška-Neumaier summation, as Prometheus sums (util/kahansum). */
export class Sum {
  total = 0
  compensation = 0

  add(value: number): void {
    const next = this.total + value
    if (next === Infinity || next === -Infinity) this.compensation = 0
    else if (Math.abs(this.total) >= Math.abs(value)) this.compensation += this.total - next + value
    else this.compensation += value - next + this.total
    this.total = next
  }

  value(): number {
    return this.total + this.compensation
  }
}

/**
 * The mean as Prometheus computes it: the compensated sum divided by the count, and an incremental mean from the value
 * on at which the sum would overflow.
 */
export class Mean {
  #sum = new Sum()
  #count = 0
  #incremental = false

  add(value: number): void {
    this.#count += 1
    const sum = this.#sum
    if (!this.#incremental) {
      const { total, compensation } = sum
      sum.add(value)
      if (this.#count === 1 || Math.abs(sum.total) !== Infinity) return
      this.#incremental = true
      sum.total = total / (this.#count - 1)
      sum.compensation = compensation / (this.#count - 1)
    }
    const share = (this.#count - 1) / this.#count
    sum.total *= share
    sum.compensation *= share
    sum.add(value / this.#count)
  }

  value(): number {
    const { total, compensation } = this.#sum
    return this.#incremental ? total + compensation : total / this.#count + compensation / this.#count
  }
}
