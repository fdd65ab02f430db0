/**
 * The simplest protocol there can be, for tests of the generator: one line a thing. The server says `D <number> <text>`
 * for a delivery, `A <ref>` for an ack, `R <ref>` for a refusal, `G <from> <to>` for a gap, `Y` for ready and `P` for a
 * ping of one connection; the client says `H <rooms>`, `S <ref> <room> <text>` and `P`.
 */
import type { Adapter, Connection, Sink } from '#bench/generator/adapter.js';

export interface LineOptions {
  /** Deliveries carry numbers; else these are left away. */
  readonly isNumbered: boolean;
  /** Of a client's hearing; room 0 when absent. */
  readonly hears?: readonly number[];
  readonly isUniform?: boolean;
}

export function deliveryLine(text: Uint8Array, number = 0, room = 0): Buffer {
  return Buffer.from(`D ${room} ${number} ${Buffer.from(text).toString()}\n`);
}

export const pingLine = Buffer.from('P\n');

export function lineConnection(sink: Sink, { isNumbered, hears = [0] }: LineOptions): Connection {
  let rest = Buffer.alloc(0);
  let before = 0;
  const read = (line: Buffer): boolean => {
    const text = line.toString();
    const [kind, first = '', second = ''] = text.split(' ');
    if (kind === 'D') {
      const at = 4 + first.length + second.length;
      sink.delivered(Number(first), line, at, isNumbered ? Number(second) : undefined);
    } else if (kind === 'A') sink.acked(Number(first));
    else if (kind === 'R') sink.refused(Number(first), 'no');
    else if (kind === 'G') sink.gap(0, Number(first), Number(second));
    else if (kind === 'Y') sink.ready();
    else if (kind === 'P') sink.write(pingLine);
    else sink.failed(`an odd line: ${text}`);
    return kind !== 'P';
  };
  return {
    opened: () => sink.write(Buffer.from(`H ${hears.join(',')}\n`)),
    received(bytes) {
      rest = Buffer.concat([rest, bytes]);
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const isShared = read(rest.subarray(0, end));
        before += end + 1;
        rest = rest.subarray(end + 1);
        sink.boundary(before, isShared);
      }
    },
    send(ref, room, text) {
      sink.write(Buffer.from(`S ${ref} ${room} ${Buffer.from(text).toString()}\n`));
    },
    close() {},
  };
}

export function lineAdapter({ isNumbered, isUniform = true }: LineOptions): Adapter {
  return () => ({
    connect: ({ hears }, sink) => lineConnection(sink, { isNumbered, hears }),
    isUniformStream: isUniform,
  });
}
