import { testShortForm } from '#test/support/short-form.js';
import { proof } from './start.proof.js';

testShortForm(proof);
