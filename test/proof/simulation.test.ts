import { testShortForm } from '#test/support/short-form.js';
import { proof } from './simulation.proof.js';

testShortForm(proof);
