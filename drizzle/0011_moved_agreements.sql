-- What hung on an invoice that was replaced moves to the one in its place.
grant update (invoice_id) on hold_invoices, announced_allocations to dunwell_app;
