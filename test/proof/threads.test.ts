import { testShortForm } from '#test/support/short-form.js';
import { proof } from './threads.proof.js';

testShortForm(proof);
