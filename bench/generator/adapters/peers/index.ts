/** The protocols of peers, by the names their targets give. */
import type { Adapter } from '../../adapter.js';
import { centrifugoAdapter } from './centrifugo.js';
import { mqttAdapter } from './mqtt.js';
import { jetstreamAdapter } from './nats.js';
import { plainWsAdapter } from './plain-ws.js';
import { socketIoAdapter } from './socket-io.js';
import { tinodeAdapter } from './tinode.js';
import { xmppAdapter } from './xmpp.js';

export const peerAdapters: Readonly<Record<string, Adapter>> = {
  centrifugo: centrifugoAdapter,
  jetstream: jetstreamAdapter,
  tinode: tinodeAdapter,
  mqtt: mqttAdapter,
  xmpp: xmppAdapter,
  'plain-ws': plainWsAdapter,
  'socket-io': socketIoAdapter,
};
