import type { Tenant, TestApp } from '../support/app.ts'
import type { Request } from './request.ts'

export type Recipe = Readonly<{
  /** Makes in the tenant what the operation names. What it returns is a request that succeeds. */
  request: (tenant: Tenant, service: TestApp) => Promise<Request> | Request
  /** How statuses come about that neither this request gives nor any general means. */
  also?: Readonly<Record<number, (tenant: Tenant, service: TestApp) => Promise<Request> | Request>>
}>

export const one =
  (make: (tenant: Tenant, service: TestApp) => Promise<string>, body?: object) =>
  async (tenant: Tenant, service: TestApp): Promise<Request> => ({
    params: { id: await make(tenant, service) },
    ...(body !== undefined && { body })
  })

/** A list with something in it. */
export const listed =
  (make: (tenant: Tenant, service: TestApp) => Promise<unknown>) => async (tenant: Tenant, service: TestApp) => {
    await make(tenant, service)
    return {}
  }
