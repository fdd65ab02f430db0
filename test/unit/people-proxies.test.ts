/** Where a request comes from, and whose word counts for it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { networkOf, Proxies } from '#src/people/proxies.js';

const proxies = new Proxies(['10.0.0.0/8', '192.0.2.7', '2001:db8:1::/48', '::1']);

test.each([
  ['a peer that is not trusted', '203.0.113.1', '198.51.100.1', '203.0.113.1'],
  ['a peer that is, without the header', '10.1.2.3', undefined, '10.1.2.3'],
  ['its client', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['what the client said before', '10.1.2.3', '1.1.1.1, 127.0.0.1,198.51.100.1', '198.51.100.1'],
  ['proxies behind proxies', '192.0.2.7', '9.9.9.9, 198.51.100.1, 10.9.9.9 ,10.8.8.8', '198.51.100.1'],
  ['a client among the proxies', '10.1.2.3', '10.4.4.4, 10.5.5.5', '10.4.4.4'],
  ['a lie that looks like a proxy', '10.1.2.3', '10.4.4.4, 198.51.100.1', '198.51.100.1'],
  ['IPv6', '::1', '2001:DB8:0:0::9', '2001:db8::9'],
  ['a proxy of IPv6', '2001:db8:1::5', '2001:db8:2::9', '2001:db8:2::9'],
  ['IPv4 in IPv6', '10.1.2.3', '::ffff:198.51.100.1', '198.51.100.1'],
  ['a port', '10.1.2.3', '198.51.100.1:4711', '198.51.100.1'],
  ['a port of IPv6', '10.1.2.3', '[2001:db8:2::9]:4711', '2001:db8:2::9'],
  ['a client without a name', '10.1.2.3', '1.1.1.1, unknown', '10.1.2.3'],
  ['no address at all', '10.1.2.3', '1.1.1.1, ;drop, 10.9.9.9', '10.9.9.9'],
  ['nothing', '10.1.2.3', ' , ', '10.1.2.3'],
  ['a peer of no address', 'unknown', '198.51.100.1', 'unknown'],
])('H10 %s', (_, peer, forwardedFor, client) => {
  expect(proxies.clientOf(peer, forwardedFor)).toBe(client);
});

test('H10 without a setting nobody is trusted, not even this machine', () => {
  const none = new Proxies([]);
  for (const peer of ['127.0.0.1', '::1', '10.0.0.1']) expect(none.clientOf(peer, '198.51.100.1')).toBe(peer);
});

test('H10 who is not trusted cannot be anybody else, whatever the header says', () => {
  const entry = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.constantFrom('10.0.0.1', '::1', 'unknown', '"'),
  );
  const peer = fc.ipV4().filter((address) => !/^(?:10\.|192\.0\.2\.7$)/.test(address));
  fc.assert(
    fc.property(peer, fc.array(entry), (address, entries) => {
      expect(proxies.clientOf(address, entries.join(','))).toBe(address);
      // Nor behind a proxy, which adds it to the right.
      expect(proxies.clientOf('10.0.0.1', [...entries, address].join(', '))).toBe(address);
    }),
  );
});

test('H10 a long header costs no time', () => {
  const long = `${'10.0.0.1,'.repeat(2000)}10.0.0.1`;
  const begun = performance.now();
  expect(proxies.clientOf('10.0.0.1', long)).toBe('10.0.0.1');
  expect(proxies.clientOf('10.0.0.1', `${'['.repeat(20_000)}:1`)).toBe('10.0.0.1');
  expect(performance.now() - begun).toBeLessThan(500);
});

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  '10.0.0.0/',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  'example.com',
  '::/129',
  '',
  '*',
])('H10 %j is no network', (text) => {
  expect(networkOf(text)).toBeUndefined();
  expect(() => new Proxies([text])).toThrow('not a network');
});

test('H10 a network holds what it says and nothing beside it', () => {
  const one = new Proxies(['198.51.100.128/25', '2001:db8::/33']);
  const isTrusted = (peer: string) => one.clientOf(peer, '9.9.9.9') === '9.9.9.9';
  expect(['198.51.100.127', '198.51.100.128', '198.51.100.255', '198.51.101.0'].map(isTrusted)).toEqual([
    ...[false, true, true, false],
  ]);
  expect(['2001:db8:7fff::1', '2001:db8:8000::1'].map(isTrusted)).toEqual([true, false]);
  expect(networkOf('::ffff:10.0.0.1')).toEqual({ address: '10.0.0.1', family: 'ipv4', prefix: 32 });
});
