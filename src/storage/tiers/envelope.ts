/** A message of a flux on its way: when it was told (Unix ms, 8 bytes), then the payload. */
import { fluxLifetimeMs } from './flux.js';

const timeBytes = 8;

export function seal(payload: Uint8Array, now: number): Buffer {
  const message = Buffer.allocUnsafe(timeBytes + payload.length);
  message.writeDoubleBE(now, 0);
  message.set(payload, timeBytes);
  return message;
}

/** The payload; `stale` when its lifetime is over; `foreign` when nobody has sealed it. */
export function unseal(message: Buffer, now: number): Uint8Array | 'stale' | 'foreign' {
  if (message.length < timeBytes) return 'foreign';
  const at = message.readDoubleBE(0);
  if (!Number.isSafeInteger(at) || at < 0) return 'foreign';
  return now - at > fluxLifetimeMs ? 'stale' : message.subarray(timeBytes);
}
