// Answers in pieces, which hold nothing of the table of routes.

import type { Needs } from "./needs";
import type { Pieces } from "../http/server";
import { headText } from "../http/server.cold";

/** A part of an answer without a head: its pieces from 0 on, "" behind the last. */
export type Part = (needs: Needs, piece: number) => string;

/** An answer that is there. */
export function onePiece(text: string): Pieces {
  return function (piece) {
    return piece ? "" : text;
  };
}

/** The answer that is one part. Behind its end nothing comes, although a list may have become longer meanwhile. */
export function inParts(needs: Needs, part: Part, type?: string): Pieces {
  let isOver = false;
  return function (piece) {
    const text = isOver ? "" : part(needs, piece);
    isOver = isEnd(text);
    return piece || !text ? text : headText(200, type) + text;
  };
}

/** The answer with more lines in its head. */
export function withHeaders(pieces: Pieces, headers: string): Pieces {
  if (!headers) return pieces;
  return function (piece) {
    const text = pieces(piece),
      at = piece || !text ? 0 : text.indexOf("\r\n") + 2;
    return at ? text!.substr(0, at) + headers + text!.substr(at) : text;
  };
}

/** The end of a JSON part. */
export function isEnd(text: string): boolean {
  return text.substr(-2) === "\r\n";
}
