/** Attachments: resumable uploads (tus), what is known of a file, its bytes and its thumbnail (M). */
import { z } from 'zod';
import { attachments } from '../../entities/attachments.js';
import { viewOf } from '../../entities/view.js';
import { BodyCutError } from '../../media/body.js';
import { refusalOfStore } from '../../media/refusals.js';
import {
  discoveryHeaders,
  readAppend,
  readCreation,
  standingHeaders,
  type TusRefusal,
  wrongVersion,
} from '../../media/tus.js';
import type { Attachment } from '../../threads/services.js';
import { bytesReply } from './attachment-bytes.js';
import type { Media } from './media.js';
import { HttpError } from './problem.js';
import { type Reply, type RestPorts, type Route, route, type UserInput } from './route.js';
import { idParams } from './schemas.js';

const tag = 'Attachments';
const view = viewOf(attachments, 'everybody', 'StoredAttachment');

const attachmentSchema = view.schema
  .extend({
    offset: z.number().int().meta({ description: 'Bytes that have come.' }),
    url: z.string().nullable().meta({ description: 'Of the bytes; null until it is ready.' }),
    thumbnailUrl: z.string().nullable(),
  })
  .meta({ id: 'Attachment' });

/** Every answer of these paths says which protocol of uploads is spoken. */
export function isOfAttachments(path: string): boolean {
  return path === '/attachments' || path.startsWith('/attachments/');
}

function shown(attachment: Attachment, offset: number): Record<string, unknown> {
  const place = `/attachments/${attachment.id}`;
  return {
    ...view.show(attachment),
    offset,
    url: attachment.state === 'ready' ? `${place}/content` : null,
    thumbnailUrl: attachment.hasThumbnail === true ? `${place}/thumbnail` : null,
  };
}

function mediaOf({ media }: RestPorts): Media {
  if (media === undefined) throw new HttpError(404, 'not_found', 'There are no attachments on this server.');
  return media;
}

function refused({ status, message, headers }: TusRefusal): HttpError {
  return new HttpError(status, 'invalid', message, headers);
}

/** What was refused says so: its bytes are gone. */
function unlessRefused(attachment: Attachment): Attachment {
  if (attachment.state === 'refused')
    throw new HttpError(415, 'invalid', attachment.reason ?? 'This file is not taken.');
  return attachment;
}

const optionHeaders = (ports: RestPorts) =>
  ports.media === undefined ? {} : discoveryHeaders(ports.media.fileBytesMax);

export const attachmentRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/attachments',
    access: 'durable',
    tag,
    summary: 'Begin an upload (tus 1.0: Upload-Length, Upload-Metadata with filename and filetype) (M1)',
    optionHeaders,
    status: 201,
    response: attachmentSchema,
    handle: async ({ ports, request, identity, id }) => {
      const asked = readCreation(request.header, mediaOf(ports).fileBytesMax);
      if (asked.kind === 'refused') throw refused(asked);
      const { name, type, length: size } = asked;
      const input = { user: identity.user, id, name, type, size };
      const attachment = await ports.front.call(ports.front.shardOf(id), 'attachments.create', input);
      const { 'upload-offset': _offset, ...headers } = standingHeaders(
        { offset: 0, length: size },
        attachment.expiresAt,
      );
      return { json: shown(attachment, 0), headers: { ...headers, location: `/attachments/${id}` } };
    },
  }),
  route({
    method: 'GET',
    path: '/attachments/{id}',
    access: 'user',
    tag,
    summary: 'What is known of a file; HEAD says how its upload stands (M1, M6, R6)',
    params: idParams,
    optionHeaders,
    status: 200,
    response: attachmentSchema,
    handle: async ({ ports, identity, params }) => {
      const { user } = identity;
      const { receiver } = mediaOf(ports);
      const found = await ports.front.call(ports.front.shardOf(params.id), 'attachments.get', {
        user,
        id: params.id,
      });
      let { attachment } = found;
      const isLeft = attachment.state === 'uploading' && found.held === attachment.fileSize;
      // Nobody would send another byte, and without one nobody would look at it.
      if (isLeft) attachment = (await receiver.finish(user, params.id)) ?? attachment;
      const standing = { offset: found.held, length: attachment.fileSize };
      return {
        json: shown(attachment, found.held),
        headers: standingHeaders(standing, attachment.state === 'uploading' ? attachment.expiresAt : null),
      };
    },
  }),
  route({
    method: 'PATCH',
    path: '/attachments/{id}',
    access: 'user',
    tag,
    summary: 'Send bytes from Upload-Offset on, in as many requests as you like (tus 1.0) (M2, M3)',
    params: idParams,
    streams: true,
    status: 204,
    handle: async ({ ports, request, identity, params }) => {
      const append = readAppend(request.header);
      if (append.kind === 'refused') throw refused(append);
      const { stream: body } = request;
      if (body === undefined) throw new Error('a PATCH came without its body');
      const arrival = { user: identity.user, id: params.id, append, body };
      const received = await mediaOf(ports).receiver.receive(arrival).catch(told);
      switch (received.kind) {
        case 'refused':
          throw refused(received);
        case 'busy':
          throw new HttpError(423, 'overloaded', 'Another request writes to this upload.', {}, 1_000);
        case 'more': {
          const { held: offset, length } = received;
          return { headers: standingHeaders({ offset, length }, null) };
        }
        case 'whole': {
          const { fileSize: length } = unlessRefused(received.attachment);
          return { headers: standingHeaders({ offset: length, length }, null) };
        }
        default:
          return received satisfies never;
      }
    },
  }),
  route({
    method: 'DELETE',
    path: '/attachments/{id}',
    access: 'user',
    tag,
    summary: 'Give up an upload, or remove a file that was not sent (M7)',
    params: idParams,
    status: 204,
    handle: async ({ ports, request, identity, params }) => {
      mediaOf(ports);
      const wrong = request.header('tus-resumable') === undefined ? undefined : wrongVersion(request.header);
      if (wrong !== undefined) throw refused(wrong);
      const input = { user: identity.user, id: params.id };
      await ports.front.call(ports.front.shardOf(params.id), 'attachments.remove', input);
      return {};
    },
  }),
  route({
    method: 'GET',
    path: '/attachments/{id}/content',
    access: 'user',
    tag,
    summary: 'The bytes of a file, or a range of them (M5, M6)',
    params: idParams,
    status: 200,
    handle: (input) => bytesOf(input, 'bytes'),
  }),
  route({
    method: 'GET',
    path: '/attachments/{id}/thumbnail',
    access: 'user',
    tag,
    summary: 'A small WebP of a picture (M8)',
    params: idParams,
    status: 200,
    handle: (input) => bytesOf(input, 'thumbnail'),
  }),
];

async function bytesOf(
  { ports, request, identity, params }: UserInput<{ id: string }, unknown, unknown>,
  what: 'bytes' | 'thumbnail',
): Promise<Reply> {
  const media = mediaOf(ports);
  const input = { user: identity.user, id: params.id };
  const { attachment } = await ports.front.call(ports.front.shardOf(params.id), 'attachments.get', input);
  return bytesReply(request, media, attachment, what);
}

/** The client went, or another request of its own took its place: hardly anybody hears this. */
function told(error: unknown): never {
  if (error instanceof BodyCutError)
    throw new HttpError(409, 'invalid', 'The request was cut: ask where the upload stands, and go on there.');
  throw refusalOfStore(error) ?? error;
}
