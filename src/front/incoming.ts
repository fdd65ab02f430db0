/** A frame of a client: decoded, counted against what its connection may ask for, and taken operation by operation. */
import { decodeOperations } from '../wire/codec.js';
import { askedTooFast, spend } from './allowance.js';
import type { Session } from './session.js';

/**
 * What is over the limit of the connection is answered like everything else (W7, L17), and costs no more than that: nobody
 * is closed for it. What is wrong with a frame as a whole ends the connection (W2).
 */
export function takeFrame(session: Session, frame: Uint8Array): void {
  const { counters, limits } = session.host;
  counters.framesIn += 1;
  counters.bytesIn += frame.length;
  const decoded = decodeOperations(session.codec, frame);
  if (decoded.kind === 'bad') {
    session.refuse(null, { code: 'bad_frame', message: decoded.message });
    session.close('bad_frame');
    return;
  }
  // A frame without operations costs as much as one.
  if (decoded.items.length === 0) spend(session, limits);
  for (const item of decoded.items) {
    const isInTime = session.live?.rate === 'high' || spend(session, limits);
    if (item.kind === 'invalid') session.refuse(item.ref, { code: 'invalid', message: item.message });
    else if (isInTime) session.take(item.operation);
    else session.refuse(item.operation.ref, askedTooFast(session, limits));
    if (session.isClosing) return;
  }
}
