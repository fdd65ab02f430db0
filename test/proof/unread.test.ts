import { testShortForm } from '#test/support/short-form.js';
import { proof } from './unread.proof.js';

testShortForm(proof);
