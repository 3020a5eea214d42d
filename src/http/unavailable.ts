/** Fields that the design has and nothing uses yet. They are refused by name: a field that is stored and does nothing misleads. */
export const unavailable: ReadonlyMap<string, string> = new Map([
  ['credit_limit', 'Credit limits are not available yet: nothing would check it. Leave the field out.'],
  ['stops_fees', 'Fees are not available yet, so there are none to stop. Leave the field out.']
])
