import { assert } from './assert.ts'

/** A map for what can be had again: once it is full, its oldest entry goes for a new one. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #limit: number

  constructor(limit: number) {
    assert(limit >= 1, 'A map holds at least one entry.')
    super()
    this.#limit = limit
  }

  override set(key: Key, value: Value): this {
    if (this.size >= this.#limit && !this.has(key)) {
      const [oldest] = this.keys()
      this.delete(oldest as Key)
    }
    return super.set(key, value)
  }

  /** What is there, or what `make` makes, from then on. */
  getOrMake(key: Key, make: (key: Key) => NonNullable<Value>): NonNullable<Value> {
    const known = this.get(key)
    if (known !== undefined && known !== null) return known
    const made = make(key)
    this.set(key, made)
    return made
  }
}
