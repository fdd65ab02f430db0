/** Pages of other origins and REST: what a browser is told. */
import { expect, test } from 'vitest';
import { parseConfig } from '#src/config.js';
import { testId } from '#test/support/front-harness.js';
import { RestHarness } from '#test/support/rest-harness.js';

const origins = ['https://app.example', 'http://localhost:3000', 'https://evil.example:8443'];
const made = {
  secret: 'm'.repeat(40),
  operatorKey: 'o'.repeat(40),
  demo: { username: 'demo', password: 'pw' },
};

/** As the server is configured by this text. */
function rest(origin: string): RestHarness {
  const { allowedOrigins } = parseConfig({ NUBO_ALLOWED_ORIGINS: origin }, {}, () => made);
  return new RestHarness({ allowedOrigins });
}

/** A browser lets the page read it: the origin itself, or `*` where no credentials are sent. */
function isReadableBy(origin: string, headers: Readonly<Record<string, string>>): boolean {
  return [origin, '*'].includes(headers['access-control-allow-origin'] ?? '');
}

const listed = (value = '') => value.split(',').map((part) => part.trim().toLowerCase());

test('R1 with * a preflight from any origin is answered, for every method and header that a page needs', async () => {
  for (const origin of origins) {
    const { status, headers, body } = await rest('*').send('OPTIONS /conversations', {
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      },
    });
    expect({ status, body }).toEqual({ status: 204, body: '' });
    expect(isReadableBy(origin, headers)).toBe(true);
    expect(listed(headers['access-control-allow-methods'])).toEqual(
      expect.arrayContaining(['get', 'post', 'delete']),
    );
    expect(listed(headers['access-control-allow-headers'])).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'idempotency-key']),
    );
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
  }
});

test('R1 with * a page of any origin may read answers and refusals, and credentials are never allowed', async () => {
  for (const origin of origins) {
    const served = rest('*');
    const token = served.harness.token(testId(1));
    const seen = [
      await served.send('GET /ping', { headers: { origin } }),
      await served.send('GET /me', { headers: { origin } }),
      await served.send('GET /me', { token: 'wrong', headers: { origin, cookie: 'session=1' } }),
      await served.send('GET /nothing', { token, headers: { origin } }),
    ];
    expect(seen.map(({ status }) => status)).toEqual([200, 401, 401, 404]);
    for (const { headers } of seen) {
      expect(isReadableBy(origin, headers)).toBe(true);
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
      // An answer that names one origin must not be kept for another.
      if (headers['access-control-allow-origin'] !== '*') expect(listed(headers.vary)).toContain('origin');
    }
    expect(listed(seen[1]?.headers['access-control-expose-headers'])).toContain('retry-after');
  }
});

test('R1 with * a request that names no origin is told of none', async () => {
  const { status, headers } = await rest('*').send('GET /ping');
  expect(status).toBe(200);
  expect(headers).not.toHaveProperty('access-control-allow-origin');
  expect(headers).not.toHaveProperty('access-control-allow-credentials');
});

test('R1 origins by name let in those, and no other, also without credentials', async () => {
  const served = rest('https://app.example, http://localhost:3000');
  for (const line of ['OPTIONS /login', 'GET /ping']) {
    const readable = [];
    for (const origin of origins) {
      const { headers } = await served.send(line, { headers: { origin } });
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
      if (isReadableBy(origin, headers)) readable.push(origin);
    }
    expect(readable).toEqual(origins.slice(0, 2));
  }
});
