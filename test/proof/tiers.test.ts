import { testShortForm } from '#test/support/short-form.js';
import { proof } from './tiers.proof.js';

testShortForm(proof);
