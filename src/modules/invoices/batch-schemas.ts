import { Type } from 'typebox'
import { closed, named, nullable, oneOf, ProblemSchema, ref } from '../../http/schemas.ts'
import { CreateInvoice, InvoiceSchema } from './schemas.ts'

const BATCH_MAX = 1_000

export const InvoiceBatch = closed({ invoices: Type.Array(ref(CreateInvoice), { minItems: 1, maxItems: BATCH_MAX }) })
export const InvoiceBatchResult = named(
  'InvoiceBatchResult',
  closed({
    results: Type.Array(
      closed({
        index: Type.Integer(),
        status: oneOf(['created', 'refused']),
        invoice: nullable(ref(InvoiceSchema)),
        problem: nullable(ref(ProblemSchema))
      }),
      {
        maxItems: BATCH_MAX,
        description: 'One for each invoice, in their order. A refused one does not keep the others from being made'
      }
    )
  })
)

export const batchSchemas = [InvoiceBatchResult]
