import type { Socket } from 'node:net'
import type { buildConnector } from 'undici'

/**
 * A receiver may answer before it has read the request, and close: then the rest cannot be written, and Node would drop the connection
 * together with the answer that it has not read yet. On these connections a failed write fails only once everything was read.
 */
export function readingPastFailedWrites(connector: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    connector(options, (...result) => {
      const [error, socket] = result
      if (error === null) readPastFailedWrites(socket)
      callback(...result)
    })
  }
}

type Done = (error?: Error | null) => void

/** What is closed ends, or breaks, when it is read to its end; a receiver that holds a broken connection open meets the attempt's deadline. */
function readPastFailedWrites(socket: Socket): void {
  const afterReading =
    (done: Done): Done =>
    (error) => {
      if (error === null || error === undefined || socket.readableEnded) done(error)
      else socket.once('end', () => done(error))
    }
  const { _write: write, _writev: writev } = socket
  socket._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, afterReading(done))
  if (writev !== undefined) socket._writev = (chunks, done) => writev.call(socket, chunks, afterReading(done))
}
