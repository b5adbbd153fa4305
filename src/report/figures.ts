/** Costs in the planner's units: `1,234`, `4.3`. */
export function round(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 })
}

/** A share: `3,400 %`, `12 %`, `0.34 %`, `< 0.01 %`, `0 %`. */
export function percent(share: number): string {
  const value = share * 100
  if (value !== 0 && Math.abs(value) < 0.01) return '< 0.01 %'
  const digits = Math.abs(value) >= 10 || value === 0 ? 0 : Math.abs(value) >= 1 ? 1 : 2
  return `${value.toLocaleString('en-US', { maximumFractionDigits: digits })} %`
}
