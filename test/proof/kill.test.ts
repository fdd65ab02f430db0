import { testShortForm } from '#test/support/short-form.js';
import { proof } from './kill.proof.js';

testShortForm(proof);
