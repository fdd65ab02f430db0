import { testShortForm } from '#test/support/short-form.js';
import { proof } from './checker.proof.js';

testShortForm(proof);
