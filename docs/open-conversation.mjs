/**
 * Two people in one channel, and what each of them sees: `node docs/open-conversation.mjs [http://localhost:8080]`,
 * beside a nubo that runs from this folder.
 */
import { connect } from '#client/node.js';

const address = process.argv[2] ?? 'http://localhost:8080';

/** A new user, connected. */
async function join(name) {
  const response = await fetch(`${address}/signup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      username: `${name}-${crypto.randomUUID().slice(0, 8)}`,
      password: crypto.randomUUID(),
    }),
  });
  if (!response.ok) throw new Error(`${name} could not sign up: ${await response.text()}`);
  const { accessToken } = await response.json();
  return connect({ url: `${address.replace('http', 'ws')}/ws`, token: accessToken });
}

const [ada, bob] = [await join('ada'), await join('bob')];
const { conv } = await ada.create({ type: 'channel', title: 'garden' });
await bob.join(conv);

await bob.open(conv, { onChange: show });

function show({ messages }) {
  const lines = messages.map(({ text, parent, state = {} }) => {
    const { deletedAt, editedAt, reactions = [] } = state;
    const marks = reactions.map(([emoji, count, mine]) => `${emoji} ${count}${mine ? ' (mine)' : ''}`);
    const said = deletedAt === undefined ? text : 'deleted';
    return [parent && `> ${parent.preview}`, said, editedAt && '(edited)', ...marks]
      .filter(Boolean)
      .join(' ');
  });
  console.log(`Bob sees: ${lines.join(' | ')}`);
}

const tea = await ada.send({ conv, text: 'Tea in the gardn at five?' });
await ada.edit({ conv, message: tea.id, text: 'Tea in the garden at five?' });
await bob.react(conv, tea.id, '👍');
const secret = await ada.send({ conv, text: 'There will be cake.', replyTo: tea.id });
await ada.delete(conv, secret.id);

setTimeout(() => {
  ada.close();
  bob.close();
}, 200);
