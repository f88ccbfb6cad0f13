// Round numbers for an axis from 0 to at least `most`: 0, step, 2 step, ...

const STEPS = [1, 2, 5, 10];
const MAX_TICKS = 4;

export function ticksUpTo(most) {
  if (most <= 0) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most / MAX_TICKS));
  const step = STEPS.map((one) => one * power).find((one) => one * MAX_TICKS >= most) ?? 10 * power;
  const n = Math.ceil(most / step - 1e-9);
  return Array.from({ length: n + 1 }, (_, at) => at * step);
}
