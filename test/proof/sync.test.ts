import { testShortForm } from '#test/support/short-form.js';
import { proof } from './sync.proof.js';

testShortForm(proof);
