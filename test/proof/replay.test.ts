import { testShortForm } from '#test/support/short-form.js';
import { proof } from './replay.proof.js';

testShortForm(proof);
