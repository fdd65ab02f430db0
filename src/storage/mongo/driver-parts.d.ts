/** A part of the driver that its types do not tell of: documents beside a command that are BSON already. */
declare module 'mongodb/lib/cmap/commands.js' {
  export class DocumentSequence {
    constructor(field: string);
    /** @param document for whoever watches commands; nobody does */
    push(document: object, bytes: Uint8Array): number;
  }
}
