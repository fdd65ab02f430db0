/** What links of a message lead to: shown by every client as it is, so nothing hostile may get through. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeOperations, encodeOperations } from '#src/wire/codec.js';
import { checkOperation } from '#src/wire/decode-operations.js';
import { wireLimits } from '#src/wire/limits.js';
import type { Operation } from '#src/wire/operations.js';
import { testId } from '#test/support/front-harness.js';

function sent(metadata: unknown) {
  const place = { ref: 1, id: testId(1), conv: testId(2) };
  return checkOperation({ op: 'send', ...place, text: 'look', metadata });
}

/** The metadata as it is kept; throws with the sentence when it is refused. */
function kept(metadata: unknown) {
  const checked = sent(metadata);
  if (checked.kind === 'invalid') throw new Error(checked.message);
  return (checked.operation as Operation<'send'>).metadata;
}

const addressOf = (url: string) => (kept({ links: [{ url }] }) as { links: [{ url: string }] }).links[0].url;

test.each([
  ['https://müller.example/ä?q=ü#ß', 'https://xn--mller-kva.example/%C3%A4?q=%C3%BC#%C3%9F'],
  // A Cyrillic а: shown as what it is.
  ['https://p\u0430ypal.example', 'https://xn--pypal-4ve.example/'],
  ['HTTPS://EXAMPLE.com:443/a/../b', 'https://example.com/b'],
  // Two readers could take another host out of it; as it is kept there is one.
  ['https://good.example\\@evil.example', 'https://good.example/@evil.example'],
  ['https:evil.example', 'https://evil.example/'],
  ['http://0x7f.1', 'http://127.0.0.1/'],
  ['http://[::ffff:127.0.0.1]:8080/', 'http://[::ffff:7f00:1]:8080/'],
  ['https://x.example/"><script>', 'https://x.example/%22%3E%3Cscript%3E'],
])('W19 %s is kept as %s', (given, asKept) => {
  expect(addressOf(given)).toBe(asKept);
  expect(addressOf(asKept)).toBe(asKept);
});

const notOfTheWeb = 'must be an http:// or https:// address';
const unseen = 'must not contain spaces, control or direction characters';
test.each([
  ['javascript:alert(1)', notOfTheWeb],
  ['JaVaScRiPt://https://x.example/%0aalert(1)', notOfTheWeb],
  ['data:text/html,<script>', notOfTheWeb],
  ['vbscript:x', notOfTheWeb],
  ['file:///etc/passwd', notOfTheWeb],
  ['blob:https://x.example/1', notOfTheWeb],
  ['view-source:https://x.example', notOfTheWeb],
  ['//x.example/a', notOfTheWeb],
  ['/a', notOfTheWeb],
  ['', notOfTheWeb],
  ['https://', notOfTheWeb],
  ['https://x.example:99999', notOfTheWeb],
  ['https://xn--/', notOfTheWeb],
  ['java\tscript:alert(1)', unseen],
  [' https://x.example', unseen],
  ['https://x.example/\u202egnp.exe', unseen],
  ['https://x.example/\u2066', unseen],
  ['https://x.example/\u0000', unseen],
  ['https://x.example/\u0085', unseen],
  ['https://x.example/\u2028', unseen],
  ['https://x.example/a b', unseen],
  ['https://user:password@x.example', 'must not contain a user name or password'],
  ['https://user@x.example', 'must not contain a user name or password'],
  ['https://:password@x.example', 'must not contain a user name or password'],
])('W19 %j is refused, as url and as image', (url, reason) => {
  expect(sent({ links: [{ url }] })).toMatchObject({ message: `send: metadata.links.0.url ${reason}.` });
  const links = [{ url: 'https://a.example' }, { url: 'https://b.example', image: url }];
  expect(sent({ links })).toMatchObject({
    kind: 'invalid',
    message: `send: metadata.links.1.image ${reason}.`,
  });
});

test('W19 titles and descriptions are one line that cannot turn what stands around it', () => {
  for (const name of ['title', 'description']) {
    for (const text of [
      'a\nb',
      'a\rb',
      'a\u0007',
      'a\u0085b',
      'a\u2029b',
      '\u202eevil',
      '\u2067x',
      '\u206ax',
      '\ufff9x',
    ]) {
      const message = `send: metadata.links.0.${name} must not contain line ends, control or direction characters.`;
      expect(sent({ links: [{ url: 'https://x.example', [name]: text }] })).toMatchObject({ message });
    }
    const { linkTitleCharsMax, linkDescriptionCharsMax } = wireLimits;
    const charsMax = name === 'title' ? linkTitleCharsMax : linkDescriptionCharsMax;
    const long = (chars: number) =>
      sent({ links: [{ url: 'https://x.example', [name]: 'x'.repeat(chars) }] }).kind;
    expect([long(charsMax), long(charsMax + 1), long(0)]).toEqual(['operation', 'invalid', 'invalid']);
    // What people write: from right to left, with emoji of several signs, with markup, which is text.
    for (const text of ['שלום \u200fעולם', 'مرحبا', '👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿', '<b>x</b> & "y"'])
      expect(sent({ links: [{ url: 'https://x.example', [name]: text }] }).kind).toBe('operation');
  }
});

test('W19 links have nothing else in them, and no more of it than may be', () => {
  const url = 'https://x.example';
  const refused = [
    {},
    [{}],
    [{ title: 'x' }],
    [{ url, html: '<b>' }],
    [{ url: 1 }],
    [[url]],
    [url],
    null,
    'x',
    [null],
  ];
  for (const links of refused) expect(sent({ links }).kind).toBe('invalid');
  expect(sent({ links: Array.from({ length: wireLimits.linksMax + 1 }, () => ({ url })) }).kind).toBe(
    'invalid',
  );
  expect(kept({ links: [] })).toEqual({ links: [] });
  // Short as it is written, long as it is kept.
  expect(sent({ links: [{ url: `${url}/${'ü'.repeat(1000)}` }] }).kind).toBe('invalid');
  const links = Array.from({ length: 5 }, () => ({ url: `${url}/${'ü'.repeat(330)}` }));
  expect(JSON.stringify({ links }).length).toBeLessThan(wireLimits.metadataBytesMax);
  expect(sent({ links })).toMatchObject({ message: 'send: metadata must be at most 8192 bytes as JSON.' });
});

test('W19 what is not called links is as free as before, and no name leads to an object’s own', () => {
  const free = { previews: [{ url: 'javascript:1' }], Links: 1, nested: { links: 'x' } };
  expect(kept(free)).toEqual(free);
  expect(kept(JSON.parse('{"__proto__":{"links":"x"},"constructor":1}'))).toEqual({ constructor: 1 });
});

test('W19 an edit is held to the same, in both codecs, and what was given is not changed in its place', () => {
  const given = { links: [{ url: 'https://MÜLLER.example', title: 'M' }] };
  const place = { ref: 1, id: testId(1), conv: testId(2), message: testId(3) };
  const edit: Operation<'edit'> = { op: 'edit', ...place, text: 'x', metadata: given };
  for (const codec of ['json', 'msgpack'] as const) {
    const frame = encodeOperations(codec, [edit]);
    const decoded = decodeOperations(codec, typeof frame === 'string' ? Buffer.from(frame) : frame);
    const metadata = { links: [{ url: 'https://xn--mller-kva.example/', title: 'M' }] };
    expect(decoded).toMatchObject({ kind: 'operations', items: [{ operation: { metadata } }] });
  }
  expect(checkOperation({ ...edit, metadata: { links: [{ url: 'data:x' }] } }).kind).toBe('invalid');
  expect(given.links[0]?.url).toBe('https://MÜLLER.example');
});

test('W19 whatever is taken is an address of the web in ASCII, without credentials, and stays as it is', () => {
  const part = fc.constantFrom(
    ...[
      'http',
      'https',
      'javascript',
      'data',
      ':',
      '/',
      '//',
      '\\',
      '@',
      '?',
      '#',
      '.',
      '%',
      '%00',
      '%2e',
      '[::1]',
    ],
    ...[
      'user',
      'x.example',
      'ü',
      '。',
      '\u00ad',
      '\u200b',
      '\u202e',
      '\t',
      '\n',
      ' ',
      '0x7f',
      ':80',
      '𝒙',
      '\ufeff',
    ],
  );
  const hostile = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(''));
  const likely = hostile.map((rest) => `https://x${rest}`);
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(hostile, likely, fc.webUrl(), fc.string({ unit: 'binary' })), (url) => {
      if (sent({ links: [{ url }] }).kind === 'invalid') return;
      taken += 1;
      const asKept = addressOf(url);
      expect(asKept).toMatch(/^https?:\/\/[\x21-\x7e]+$/);
      const { username, password, hostname, href } = new URL(asKept);
      expect([username, password, href]).toEqual(['', '', asKept]);
      expect(hostname).toMatch(/^(?:[\w.~!$&'()*+,;=%-]+|\[[0-9a-f:]+\])$/);
    }),
    { numRuns: 3000 },
  );
  expect(taken).toBeGreaterThan(300);
});
