import { testShortForm } from '#test/support/short-form.js';
import { proof } from './unknown.proof.js';

testShortForm(proof);
