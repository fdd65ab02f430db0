import { testShortForm } from '#test/support/short-form.js';
import { proof } from './bad-input.proof.js';

testShortForm(proof);
