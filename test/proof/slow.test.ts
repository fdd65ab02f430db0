import { testShortForm } from '#test/support/short-form.js';
import { proof } from './slow.proof.js';

testShortForm(proof);
