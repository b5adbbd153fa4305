/** `hoursFromNow(-1, 1)` -> `14:23-16:23`: hours of local time around this moment, as `--window` and `--after-hours` take them. */
export function hoursFromNow(begin: number, end: number): string {
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toTimeString().slice(0, 5)
  return `${at(begin)}-${at(end)}`
}
