/** The systems that nubo is measured against. */
import { centrifugo } from './centrifugo/target.js';
import { ejabberd } from './ejabberd/target.js';
import { mosquitto } from './mosquitto/target.js';
import { jetstream, jetstreamAlways } from './nats/target.js';
import { socketIo, socketIoInsert, wsInsert } from './node/targets.js';
import type { Peer } from './peer.js';
import { tinode } from './tinode/target.js';

export const peers: readonly Peer[] = [
  centrifugo,
  jetstream,
  jetstreamAlways,
  tinode,
  wsInsert,
  socketIo,
  socketIoInsert,
  mosquitto,
  ejabberd,
];
