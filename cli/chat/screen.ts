/**
 * The terminal: lines in, lines out, and a prompt below that stays while others write. Without a terminal (a pipe)
 * it is only lines in and lines out.
 */
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { coloured, type Paint, plain } from './lines.js';

export interface Streams {
  readonly input: Readable & { isTTY?: boolean };
  readonly output: Writable & { isTTY?: boolean; columns?: number };
}

export interface ScreenListener {
  onLine(line: string): void;
  /** The person is writing something. */
  onTyping(): void;
  /** The end of the input, or Ctrl-C. */
  onEnd(): void;
}

const mark = '› ';

export class Screen {
  readonly paint: Paint;
  private readonly streams: Streams;
  private readonly isTerminal: boolean;
  /** Undefined until it listens, and after its end. */
  private lines: Interface | undefined;

  constructor(streams: Streams) {
    this.streams = streams;
    const { input, output } = streams;
    this.isTerminal = input.isTTY === true && output.isTTY === true;
    this.paint = output.isTTY === true && !process.env.NO_COLOR ? coloured : plain;
  }

  /** Begins to read. Called once. */
  listen(listener: ScreenListener): void {
    const { input, output } = this.streams;
    const terminal = this.isTerminal;
    const lines = createInterface({ input, ...(terminal ? { output } : {}), terminal, prompt: mark });
    this.lines = lines;
    lines.on('line', (line) => {
      this.wipeTyped(line);
      listener.onLine(line);
      this.showPrompt();
    });
    lines.on('close', () => {
      this.lines = undefined;
      listener.onEnd();
    });
    if (!terminal) return;
    input.on('keypress', () => {
      // The line has the key only after this event.
      setImmediate(() => {
        if (lines.line !== '' && !lines.line.startsWith('/')) listener.onTyping();
      });
    });
    this.showPrompt();
  }

  /** Writes a line above the prompt. */
  write(line: string): void {
    if (this.lines !== undefined && this.isTerminal) this.wipe();
    this.streams.output.write(`${line}\n`);
    this.showPrompt();
  }

  /** A remark of the program itself. */
  remark(text: string): void {
    this.write(this.paint('dim', text));
  }

  /** What stands before the prompt: who is typing. */
  setStatus(status: string): void {
    this.lines?.setPrompt(status === '' ? mark : `${this.paint('dim', status)} ${mark}`);
    this.showPrompt();
  }

  private showPrompt(): void {
    if (this.isTerminal) this.lines?.prompt(true);
  }

  /** What was typed comes back as a message: the typed line goes. */
  private wipeTyped(line: string): void {
    if (!this.isTerminal) return;
    // A terminal that does not know its width says 0.
    const columns = this.streams.output.columns || 80;
    const prompt = stripVTControlCharacters(this.lines?.getPrompt() ?? mark);
    moveCursor(this.streams.output, 0, -Math.ceil((prompt.length + line.length + 1) / columns));
    this.wipe();
  }

  private wipe(): void {
    cursorTo(this.streams.output, 0);
    clearScreenDown(this.streams.output);
  }

  close(): void {
    this.lines?.close();
  }
}
