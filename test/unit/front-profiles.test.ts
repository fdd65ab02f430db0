/** The routes of profiles: what reaches the services, and what is refused before. */
import { expect, test } from 'vitest';
import { openApiDocument } from '#src/front/rest/openapi.js';
import { restRoutes } from '#src/front/rest/rest.js';
import type { ToShard } from '#src/threads/messages.js';
import { testId } from '#test/support/front-harness.js';
import { RestHarness } from '#test/support/rest-harness.js';

const user = testId(1);
const other = testId(2);
const session = testId(50);

function signedIn() {
  const rest = new RestHarness();
  const token = rest.harness.token(user);
  return async (line: string, json?: unknown, output: unknown = {}) => {
    const asked: ToShard[] = [];
    const sent = json === undefined ? { token } : { token, json };
    const response = await rest.send(line, sent, (message) => {
      asked.push(message);
      return { kind: 'answer', output };
    });
    return { ...response, asked };
  };
}

test('H9 what may be changed reaches the service, anything else is refused by its name', async () => {
  const call = signedIn();
  const fields = { bio: 'ducks', location: null };
  expect(await call('PATCH /me', fields, { id: user })).toMatchObject({
    status: 200,
    json: { id: user },
    asked: [{ service: 'people.patchMe', input: { user, fields } }],
  });
  expect(await call('PATCH /me/settings', { theme: 1 })).toMatchObject({
    status: 200,
    asked: [{ service: 'people.patchSettings', input: { user, fields: { theme: 1 } } }],
  });
  const refused: Array<[line: string, body: unknown, detail: RegExp]> = [
    ['PATCH /me', { email: 'x@example.org' }, /^email cannot be changed here$/],
    ['PATCH /me', { bio: 7 }, /^bio /],
    ['PATCH /me', {}, /^names no field to change$/],
    ['PATCH /me', [], /expected object/],
    ['PATCH /me/settings', { theme: 'dark' }, /^theme /],
    ['PATCH /me/settings', { bio: 'x' }, /^bio cannot be changed here$/],
  ];
  for (const [line, body, detail] of refused) {
    expect(await call(line, body)).toMatchObject({
      status: 400,
      json: { code: 'invalid', detail: expect.stringMatching(detail), stored: false },
      asked: [],
    });
  }
  expect((await signedIn()('PATCH /users', {})).status).toBe(405);
});

test('H5 sessions are listed, and ended by id', async () => {
  const call = signedIn();
  expect(await call('GET /me/sessions', undefined, [{ id: session }])).toMatchObject({
    status: 200,
    json: { sessions: [{ id: session, current: false }] },
    asked: [{ service: 'people.sessions', input: { user } }],
  });
  expect(await call(`DELETE /me/sessions/${session}`, undefined, null)).toMatchObject({
    status: 204,
    body: '',
    asked: [{ service: 'people.endSession', input: { user, session } }],
  });
  expect((await call('DELETE /me/sessions/x')).status).toBe(400);
});

test('R6 a user who is not there is not found, whoever asks for whatever id', async () => {
  const call = signedIn();
  expect(await call(`GET /users/${other}`, undefined, [{ id: other }])).toMatchObject({
    status: 200,
    json: { id: other },
    asked: [{ service: 'users.get', input: { ids: [other], usernames: [] } }],
  });
  const absent = await call(`GET /users/${other}`, undefined, []);
  expect(absent).toMatchObject({ status: 404, json: { code: 'not_found' } });
  expect(await call(`GET /users/${testId(3)}`, undefined, [])).toMatchObject({ body: absent.body });
});

test('R3 bodies and answers are described as the declarations have them, without what nobody is shown', () => {
  const document = openApiDocument(restRoutes, '0.1.0');
  const schemas = document.components?.schemas as Record<string, { properties: Record<string, unknown> }>;
  const fieldsOf = (name: string) => Object.keys(schemas[name]?.properties ?? {});
  expect(fieldsOf('User')).toEqual(['id', 'username', 'displayName', 'bio', 'profilePicture', 'badges']);
  expect(fieldsOf('Profile')).toEqual(expect.arrayContaining([...fieldsOf('User'), 'email', 'birthdate']));
  expect(fieldsOf('Settings')).toEqual(['privacy', 'notifications', 'language', 'theme', 'readReceipts']);
  const body = JSON.stringify(document.paths?.['/me']?.patch?.requestBody);
  expect(body).toContain('"birthdate"');
  expect(JSON.stringify(document)).not.toMatch(/password_?hash/i);
  for (const name of ['email', 'username', 'phone', 'state', 'grade'])
    expect(body).not.toContain(`"${name}"`);
});
