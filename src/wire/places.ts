/**
 * Where each field stands in the msgpack form: a message is `[code, …]`, its places are the keys of its schema in
 * order. Computed once from the schemas, so that these stay the one truth.
 */
import type { z } from 'zod';
import { answers, controlEvents, logEvents } from './events.js';
import { type OperationName, operations } from './operations.js';

export interface OperationForm {
  readonly name: OperationName;
  readonly code: number;
  readonly keys: readonly string[];
  readonly schema: z.ZodObject;
}

/** `field` is the key that tells the three shapes apart; an event's name stands in its code, so `ev` has no place. */
export interface MessageForm {
  readonly field: 'ack' | 'err' | 'ev';
  readonly name: string;
  readonly code: number;
  readonly keys: readonly string[];
  readonly durable: boolean;
}

const operationForms: readonly OperationForm[] = Object.entries(operations).map(
  ([name, { code, schema }]) => ({
    name: name as OperationName,
    code,
    keys: Object.keys(schema.shape),
    schema,
  }),
);

/** Codes from here on are durable events; all of them begin with `conv` and `seq`, also those yet to come. */
export const logCodeMin = 40;

const messageForms: readonly MessageForm[] = [
  messageForm('ack', 'ack', answers.ack, false),
  messageForm('err', 'err', answers.err, false),
  ...Object.entries(controlEvents).map(([name, entry]) => messageForm('ev', name, entry, false)),
  ...Object.entries(logEvents).map(([name, entry]) => messageForm('ev', name, entry, true)),
];

function messageForm(
  field: MessageForm['field'],
  name: string,
  entry: { code: number; schema: z.ZodObject },
  durable: boolean,
): MessageForm {
  return { field, name, code: entry.code, keys: Object.keys(entry.schema.shape), durable };
}

// Maps, since a client names them: `constructor` must not be found.
export const operationByName: ReadonlyMap<unknown, OperationForm> = new Map(
  operationForms.map((form) => [form.name, form]),
);
export const operationByCode: ReadonlyMap<unknown, OperationForm> = new Map(
  operationForms.map((form) => [form.code, form]),
);
export const messageByCode: ReadonlyMap<unknown, MessageForm> = new Map(
  messageForms.map((form) => [form.code, form]),
);
export const eventByName: ReadonlyMap<unknown, MessageForm> = new Map(
  messageForms.filter((form) => form.field === 'ev').map((form) => [form.name, form]),
);
