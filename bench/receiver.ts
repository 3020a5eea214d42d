import { createServer } from 'node:http'

/**
 * A process of its own, so that answering does not share the event loop that sends. Reads each body and answers 204, but a request for
 * /hang never.
 */
let received = 0

const server = createServer((request, response) => {
  request.on('end', () => {
    if (request.url === '/hang') return
    received += 1
    response.writeHead(204).end()
  })
  request.resume()
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.send?.(server.address()))

process.on('message', () => {
  process.send?.({ received })
  received = 0
})
process.on('disconnect', () => process.exit())
