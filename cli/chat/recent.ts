/** The last messages of the room, so that a person can speak of one without its id: “the last one”. */
import type { LogEvent } from '#src/wire/events.js';

const messagesMax = 200;
const previewChars = 40;

type Message = LogEvent<'message.new'>;

export class Recent {
  private readonly messages = new Map<string, Message>();

  clear(): void {
    this.messages.clear();
  }

  /** Takes note of an event of the room, in its order. */
  note(event: LogEvent): void {
    if (event.ev === 'message.new') {
      if (event.state?.deletedAt === undefined) this.messages.set(event.id, event);
    } else if (event.ev === 'message.delete') this.messages.delete(event.message);
    else if (event.ev === 'message.edit') {
      const message = this.messages.get(event.message);
      // Its place among the others stays.
      if (message !== undefined) this.messages.set(message.id, { ...message, text: event.text });
    }
    const [oldest] = this.messages.keys();
    if (this.messages.size > messagesMax && oldest !== undefined) this.messages.delete(oldest);
  }

  /** The last one of this user, of anybody, or of anybody but one; undefined when there is none. */
  last(whose: { readonly from?: string; readonly notFrom?: string } = {}): Message | undefined {
    return [...this.messages.values()].findLast(
      ({ from }) => (whose.from === undefined || from === whose.from) && from !== whose.notFrom,
    );
  }

  /** The beginning of what a message says; undefined when it is too old, or gone. */
  preview(message: string): string | undefined {
    const text = this.messages.get(message)?.text;
    return text === undefined || text.length <= previewChars ? text : `${text.slice(0, previewChars - 1)}…`;
  }
}
