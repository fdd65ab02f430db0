/** Packets of MQTT 3.1.1, as far as a chat needs them. */

export const kinds = { connack: 2, publish: 3, puback: 4, suback: 9, pingresp: 13 } as const;

const connectKind = 0x10;
const subscribeKind = 0x82;
const publishAtLeastOnce = 0x32;
const disconnectKind = 0xe0;
/** Of a connect: user name, password, clean session. */
const connectFlags = 0xc2;
const protocolLevel = 4;

export function connectPacket({ user, password }: { user: string; password: string }): Buffer {
  // A keep-alive of 0 asks for none, an empty client id for one of the server's.
  const fixed = Buffer.from([protocolLevel, connectFlags, 0, 0]);
  return packet(connectKind, [field('MQTT'), fixed, field(''), field(user), field(password)]);
}

/** At QoS 0. */
export function subscribePacket(id: number, topic: string): Buffer {
  return packet(subscribeKind, [Buffer.from([id >> 8, id & 0xff]), field(topic), Buffer.from([0])]);
}

/** The part of a publish before the text, at QoS 1. */
export function publishHead(topic: Buffer, id: number, textBytes: number): Buffer {
  const length = 2 + topic.length + 2 + textBytes;
  const head = Buffer.allocUnsafe(5 + 4 + topic.length);
  head[0] = publishAtLeastOnce;
  let at = writeLength(head, 1, length);
  head[at++] = topic.length >> 8;
  head[at++] = topic.length & 0xff;
  at += topic.copy(head, at);
  head[at++] = id >> 8;
  head[at++] = id & 0xff;
  return head.subarray(0, at);
}

export const disconnectPacket: Buffer = Buffer.from([disconnectKind, 0]);

/** Writes the length of the rest. @returns where it ends */
function writeLength(bytes: Buffer, start: number, length: number): number {
  let at = start;
  let rest = length;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

function packet(kind: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.allocUnsafe(5);
  head[0] = kind;
  return Buffer.concat([head.subarray(0, writeLength(head, 1, body.length)), body]);
}

function field(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
