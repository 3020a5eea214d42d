/** Where a walk through all ids in their order begins: no UUIDv7 is less. */
export const BEFORE_ALL_IDS = '00000000-0000-0000-0000-000000000000'
