import { testShortForm } from '#test/support/short-form.js';
import { proof } from './converge.proof.js';

testShortForm(proof);
