/** No probability comes closer to certainty than this: a logit stays within ±9.21. */
const CERTAINTY_MARGIN = 1e-4

export function clip(x: number, min: number, max: number): number {
  return x < min ? min : x > max ? max : x
}

export function clipProbability(p: number): number {
  return clip(p, CERTAINTY_MARGIN, 1 - CERTAINTY_MARGIN)
}

/** Natural log-odds of a probability, which is clipped first. */
export function logit(p: number): number {
  const clipped = clipProbability(p)
  return Math.log(clipped / (1 - clipped))
}

export function sigmoid(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds))
}
