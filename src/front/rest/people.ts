/** Sign-up, log-in, log-out. */
import { z } from 'zod';
import { NuboError } from '../../errors.js';
import { displayName, email, password, peopleLimits, username } from '../../people/rules.js';
import type { Device } from '../../threads/services.js';
import { type RestRequest, type Route, route } from './route.js';
import { tokenPairSchema } from './schemas.js';

/** A token in the body is long; a name or an address is not. */
const shortText = z.string().min(1).max(1024);

function deviceOf(request: RestRequest): Device {
  const name = request.header('user-agent') ?? 'unknown';
  return { name: name.slice(0, peopleLimits.deviceNameCharsMax), address: request.address };
}

const tag = 'People';

export const peopleRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/signup',
    access: 'public',
    tag,
    attempts: ['address'],
    summary: 'Sign up and open a session (H1)',
    body: z.object({ username, password, email: email.optional(), displayName: displayName.optional() }),
    status: 201,
    response: tokenPairSchema,
    handle: async ({ ports, request, body }) => ({
      // Attempts at one name are counted by one shard.
      json: await ports.front.call(ports.front.shardOf(body.username.toLowerCase()), 'people.signUp', {
        username: body.username,
        password: body.password,
        ...(body.email === undefined ? {} : { email: body.email }),
        ...(body.displayName === undefined ? {} : { displayName: body.displayName }),
        device: deviceOf(request),
      }),
    }),
  }),
  route({
    method: 'POST',
    path: '/login',
    access: 'public',
    tag,
    attempts: ['address', 'name'],
    summary: 'Open a session with a username or an e-mail address and a password (H2)',
    body: z.object({ name: shortText, password: z.string().min(1).max(1024) }),
    status: 200,
    response: tokenPairSchema,
    handle: async ({ ports, request, body }) => ({
      json: await ports.front.call(ports.front.shardOf(body.name.toLowerCase()), 'people.logIn', {
        ...body,
        device: deviceOf(request),
      }),
    }),
  }),
  route({
    method: 'POST',
    path: '/refresh',
    access: 'public',
    tag,
    summary: 'Change a refresh token for a new pair; a second use ends the session (H4)',
    body: z.object({ refreshToken: shortText }),
    status: 200,
    response: tokenPairSchema,
    handle: async ({ ports, request, body }) => ({
      json: await ports.front.call(ports.front.shardOf(body.refreshToken), 'people.refresh', {
        ...body,
        device: deviceOf(request),
      }),
    }),
  }),
  route({
    method: 'POST',
    path: '/logout',
    access: 'user',
    tag,
    summary: 'End the session of this token; its sockets close (H5)',
    status: 204,
    handle: async ({ ports, identity }) => {
      const { user, session } = identity;
      if (session === undefined)
        throw new NuboError('invalid', 'This token belongs to no session.', { stored: false });
      await ports.front.call(ports.front.shardOf(user), 'people.logOut', { user, session });
      return {};
    },
  }),
];
