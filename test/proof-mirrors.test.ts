/** The proofs of Redis and Mongo in their short form. */
import { testShortForms } from './support/short-proofs.js';

await testShortForms((item) => item === 'tiers' || item === 'eviction');
