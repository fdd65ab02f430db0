/** What lists show of the last message of a conversation: as it is now, so after an edit or a deletion as well. */
import type { LogEvent } from './wire/events.js';

export interface Preview {
  /** '': nothing is known of it; null: the last message says nothing any more. */
  readonly preview: string | null;
  /** Where the message stands that it is of. */
  readonly messageSeq?: number;
}

/** Characters of a message that lists show. */
const previewCharsMax = 140;

/** @param events the next ones of its conversation, in their order */
export function previewAfter(before: Preview, events: readonly LogEvent[]): Preview {
  let preview = before;
  // The last message hides all that was before it.
  const start = events.findLastIndex(({ ev }) => ev === 'message.new');
  for (let place = Math.max(0, start); place < events.length; place++) {
    const next = ofEvent(events[place] as LogEvent);
    if (next !== undefined) preview = laterPreview(preview, next);
  }
  return preview;
}

/** The one of the later message; of one message the second, which was told later. */
export function laterPreview(first: Preview, second: Preview): Preview {
  const isFirst = second.preview === '' || (second.messageSeq ?? 0) < (first.messageSeq ?? 0);
  const { preview, messageSeq } = isFirst ? first : second;
  return { preview, messageSeq };
}

function ofEvent(event: LogEvent): Preview | undefined {
  switch (event.ev) {
    case 'message.new':
      return { preview: previewOf(event.text, event.type), messageSeq: event.seq };
    case 'message.edit':
      return { preview: previewOf(event.text), messageSeq: event.messageSeq };
    case 'message.delete':
      return { preview: null, messageSeq: event.messageSeq };
    default:
      return undefined;
  }
}

function previewOf(text: string, type = 'text'): string {
  if (text === '') return `[${type}]`;
  if (text.length <= previewCharsMax) return text;
  return text
    .slice(0, previewCharsMax)
    .toWellFormed()
    .replace(/\ufffd$/, '');
}
