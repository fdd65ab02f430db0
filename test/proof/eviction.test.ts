import { testShortForm } from '#test/support/short-form.js';
import { proof } from './eviction.proof.js';

testShortForm(proof);
