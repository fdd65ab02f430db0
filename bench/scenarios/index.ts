/** All scenarios, in the order in which they are listed. */
import type { Scenario } from '../run/scenario.js';
import { changes } from './changes.js';
import { connectRate } from './connect-rate.js';
import { durable } from './durable.js';
import { eviction } from './eviction.js';
import { fanout, fanoutLarge, fanoutSmall } from './fanout.js';
import { history } from './history.js';
import { idleMemory } from './idle-memory.js';
import { latency } from './latency.js';
import { manyConversations } from './many-conversations.js';
import { mirrored } from './mirrored.js';
import { mixed } from './mixed.js';
import { presence } from './presence.js';
import { rest } from './rest.js';
import { resumeStorm } from './resume-storm.js';
import { manyRooms, rooms } from './rooms.js';
import { search } from './search.js';
import { slowReaders } from './slow-readers.js';
import { soak } from './soak.js';
import { sync } from './sync.js';

export const scenarios: readonly Scenario[] = [
  ...[
    durable,
    rooms,
    manyRooms,
    fanout,
    fanoutSmall,
    fanoutLarge,
    mixed,
    changes,
    latency,
    manyConversations,
  ],
  ...[connectRate, idleMemory, resumeStorm, slowReaders, presence, rest, sync, search, mirrored, history],
  ...[eviction, soak],
];
