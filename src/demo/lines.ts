/** A physical line of a text file: its number, counted from 1, and its text without the line break. */
export type Line = Readonly<{ number: number; text: string; tooLong: boolean }>

/**
 * Cuts a stream of UTF-8 bytes into lines (LF or CRLF), however its chunks fall. A line of more than `maxCharacters` is yielded
 * as `tooLong` with its beginning only, so that a file without line breaks costs no memory.
 */
export async function* linesOf(source: AsyncIterable<Uint8Array | string>, maxCharacters = 65_536): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8')
  let number = 0
  let rest = ''
  let tooLong = false
  for await (const chunk of source) {
    const pieces = (rest + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))).split('\n')
    rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      number += 1
      yield lineFrom(piece, { number, tooLong, maxCharacters })
      tooLong = false
    }
    if (rest.length > maxCharacters) {
      tooLong = true
      rest = rest.slice(0, maxCharacters)
    }
  }
  rest += decoder.decode()
  if (rest !== '') yield lineFrom(rest, { number: number + 1, tooLong, maxCharacters })
}

function lineFrom(piece: string, facts: { number: number; tooLong: boolean; maxCharacters: number }): Line {
  const text = piece.endsWith('\r') ? piece.slice(0, -1) : piece
  const tooLong = facts.tooLong || text.length > facts.maxCharacters
  return { number: facts.number, text: tooLong ? text.slice(0, facts.maxCharacters) : text, tooLong }
}
