/** What every flux promises (P8), run on each implementation. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Flux, fluxLifetimeMs } from '#src/storage/tiers/flux.js';

interface OpenFlux {
  /** Two nodes of one flux. The clock of the second one can be set forward. */
  readonly one: Flux;
  readonly other: Flux & { readonly counts: { readonly stale: number; readonly foreign: number } };
  /** How much later than the first one the second believes it to be, in milliseconds. */
  setAhead(ms: number): void;
  close(): Promise<void>;
}

const soon = { timeout: 2_000, interval: 5 };
const quietMs = 50;

export function fluxContract(name: string, open: () => Promise<OpenFlux>): void {
  describe(`Flux contract: ${name}`, () => {
    let flux: OpenFlux;
    beforeAll(async () => {
      flux = await open();
    });
    afterAll(() => flux.close());

    const listen = (to: Flux, node: string) => {
      const heard: string[] = [];
      const stop = to.subscribe(node, (payload) => heard.push(Buffer.from(payload).toString()));
      return { heard, stop };
    };
    const say = (node: string, text: string) => flux.one.publish(node, Buffer.from(text));
    /** Says it until it is heard: a subscription begins when it can. */
    const connected = async (node: string, heard: string[]) => {
      await expect
        .poll(() => {
          say(node, 'hello');
          return heard.length;
        }, soon)
        .toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, quietMs));
      heard.length = 0;
    };

    test('P8 what one node tells all others hear, once, in order, in a later turn, and only of that node', async () => {
      const [mine, theirs, elsewhere] = [
        listen(flux.one, 'typing'),
        listen(flux.other, 'typing'),
        listen(flux.other, 'presence'),
      ];
      await connected('typing', theirs.heard);
      await connected('presence', elsewhere.heard);
      mine.heard.length = 0;
      for (const text of ['one', 'two', 'drei €']) say('typing', text);
      expect([mine.heard, theirs.heard]).toEqual([[], []]);
      await expect.poll(() => theirs.heard, soon).toEqual(['one', 'two', 'drei €']);
      await expect.poll(() => mine.heard, soon).toEqual(['one', 'two', 'drei €']);
      expect(elsewhere.heard).toEqual([]);
      for (const { stop } of [mine, theirs, elsewhere]) stop();
    });

    test('P8 a payload comes back byte for byte, the empty one too', async () => {
      const heard: Buffer[] = [];
      const stop = flux.other.subscribe('bytes', (payload) => heard.push(Buffer.from(payload)));
      const all = [Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), Buffer.alloc(0)];
      await expect
        .poll(() => {
          flux.one.publish('bytes', Buffer.from('hello'));
          return heard.length;
        }, soon)
        .toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, quietMs));
      heard.length = 0;
      for (const payload of all) flux.one.publish('bytes', payload);
      await expect.poll(() => heard, soon).toEqual(all);
      stop();
    });

    test('P8 what is older than its lifetime when it comes is dropped and counted', async () => {
      const { heard, stop } = listen(flux.other, 'late');
      await connected('late', heard);
      const before = flux.other.counts.stale;
      flux.setAhead(fluxLifetimeMs + 500);
      say('late', 'too late');
      await expect.poll(() => flux.other.counts.stale, soon).toBe(before + 1);
      flux.setAhead(fluxLifetimeMs / 2);
      say('late', 'in time');
      await expect.poll(() => heard, soon).toEqual(['in time']);
      flux.setAhead(0);
      stop();
    });

    test('P8 who has stopped listening hears nothing more; others of the same node do', async () => {
      const [gone, stays] = [listen(flux.other, 'room'), listen(flux.other, 'room')];
      await connected('room', stays.heard);
      gone.heard.length = 0;
      gone.stop();
      gone.stop();
      say('room', 'still here?');
      await expect.poll(() => stays.heard, soon).toEqual(['still here?']);
      expect(gone.heard).toEqual([]);
      stays.stop();
      say('room', 'nobody');
      await new Promise((resolve) => setTimeout(resolve, quietMs));
      expect(stays.heard).toEqual(['still here?']);
      const again = listen(flux.other, 'room');
      await connected('room', again.heard);
      again.stop();
    });
  });
}
