/**
 * `metadata.links` of a message: what its links lead to, as the sender's device has seen it. The server never asks these
 * addresses itself: whoever could make it do so could reach what only the server reaches.
 *
 * Readers show it without looking at it twice. So an address is one of the web and is kept as `URL` writes it (ASCII, the
 * host in Punycode), and a text is one line that cannot turn what stands around it. Texts are never HTML.
 */
import { z } from 'zod';
import { wireLimits as limits } from './limits.js';

/** Line ends and other controls, and what changes the direction or the shape of what follows. */
const unshowable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u206f\ufff9-\ufffb]/u;
const unaddressable = new RegExp(`\\s|${unshowable.source}`, 'u');

const webAddress = z
  .string()
  .max(limits.linkUrlCharsMax)
  .superRefine((text, context) => {
    const message = faultOf(text);
    // What follows takes it for an address.
    if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false });
  })
  .overwrite((text) => new URL(text).href)
  .max(limits.linkUrlCharsMax)
  .meta({ description: 'http:// or https://, without a user name or password.' });

function faultOf(text: string): string | undefined {
  if (unaddressable.test(text)) return 'must not contain spaces, control or direction characters';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    return 'must be an http:// or https:// address';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  return undefined;
}

function line(charsMax: number) {
  return z
    .string()
    .min(1)
    .max(charsMax)
    .refine((text) => !unshowable.test(text), 'must not contain line ends, control or direction characters');
}

export const links = z
  .array(
    z
      .strictObject({
        url: webAddress,
        title: line(limits.linkTitleCharsMax).optional(),
        description: line(limits.linkDescriptionCharsMax).optional(),
        image: webAddress.optional(),
      })
      .meta({ id: 'LinkPreview' }),
  )
  .max(limits.linksMax);
