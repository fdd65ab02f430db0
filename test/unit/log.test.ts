import { expect, test } from 'vitest';
import { createLog } from '#src/log.js';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  let text = '';
  write(
    createLog({
      level: 'info',
      thread: 'test',
      destination: {
        write(line) {
          text += line;
        },
      },
    }),
  );
  return text;
}

const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
const password = 'correct horse';

test('H8 secrets are masked by name, at any depth that is logged', () => {
  const text = logged((log) =>
    log.info(
      { password, input: { refreshToken: token, headers: { authorization: `Bearer ${token}` } } },
      'in',
    ),
  );
  expect(text).not.toContain(token);
  expect(text).not.toContain(password);
  expect(text.match(/\[secret\]/g)).toHaveLength(3);
});

test('H8 tokens and URL passwords are masked in texts and errors', () => {
  const error = new Error(`connect to postgres://nubo:hunter2@db:5432/x failed, Bearer abc.def-123`);
  const text = logged((log) => {
    log.error({ err: error }, `refused ${token}`);
    log.error(error);
    log.error({ err: error });
    log.error({ error });
    log.error(error, 'with a text');
    log.warn(`at redis://:hunter2@cache:6379`);
  });
  expect(text).not.toMatch(/hunter2|abc\.def|eyJ/);
  expect(text).toContain('postgres://nubo:[password]@db:5432/x');
});

test('H8 a log line is one line of JSON that names its thread', () => {
  const line = JSON.parse(logged((log) => log.info({ port: 1 }, 'two\nlines')));
  expect(line).toMatchObject({ level: 'info', thread: 'test', port: 1, msg: 'two\nlines' });
});
