import { testShortForm } from '#test/support/short-form.js';
import { proof } from './ban.proof.js';

testShortForm(proof);
