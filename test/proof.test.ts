/** Every proof in its short form, but those of test/proof-mirrors.test.ts. */
import { testShortForms } from './support/short-proofs.js';

await testShortForms((item) => item !== 'tiers' && item !== 'eviction');
