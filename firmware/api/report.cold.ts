// GET /api/report: one file for a bug report. No secret is in it.

import type { Needs } from "./needs";
import { FAST } from "../bms/places";
import type { Pieces } from "../http/server";
import { headText } from "../http/server.cold";
import { samplePlace, SAMPLE_WORDS } from "../kernel/samples";
import { cellsPart, eventsOf, limitsPart } from "./battery.cold";
import { canPart } from "./can.cold";
import { configPart } from "./config.cold";
import { isEnd, type Part } from "./pieces.cold";
import { statusOf } from "./status.cold";

/** Names of its members, in their order. */
const MEMBERS = ["status", "limits", "cells", "events", "can", "config", "raw"],
  STATUS = 0,
  EVENTS = 3;

/** A piece of a member that remembers nothing between its pieces. */
export function reportPart(needs: Needs, member: number, piece: number): string {
  if (member === 1) return limitsPart(needs, piece);
  if (member === 2) return cellsPart(needs, piece);
  if (member === 4) return canPart(needs, piece);
  if (member === 5) return configPart(needs, piece);
  return piece ? "" : rawText(needs);
}

/** Members one after the other, each in its pieces. */
export function reportPieces(needs: Needs): Pieces {
  let member = 0,
    at = 0,
    own: Part | null = null;
  return function (piece) {
    let text = "";
    while (!text && member < MEMBERS.length) {
      if (member === EVENTS && !at) own = eventsOf(needs);
      if (member === STATUS && !at) own = statusOf(needs);
      text = own ? own(needs, at) : reportPart(needs, member, at);
      if (text && !at) text = (member ? ',"' : '{"') + MEMBERS[member] + '":' + text;
      at = text && !isEnd(text) ? at + 1 : 0;
      if (!at) {
        member++;
        own = null;
      }
    }
    if (!text && member === MEMBERS.length) {
      member++;
      return "}\r\n";
    }
    return piece ? text : headText(200) + text;
  };
}

// The last words of each group of registers, as the TinyBMS sent them.

function hexOf(words: ArrayLike<number>, from: number, count: number): string {
  let text = "";
  for (let i = from; i < from + count; i++) text += (65536 + words[i]).toString(16).substr(1).toUpperCase();
  return text;
}

function bytesText(bytes: string): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += (256 + bytes.charCodeAt(i)).toString(16).substr(1).toUpperCase();
  return text;
}

/** Requests and the words of their replies. */
export function rawText(needs: Needs): string {
  const uart = needs.uart,
    samples = uart.samples,
    newest = samplePlace(samples, 0),
    out: object[] = [];
  uart.poller.plan.forEach(function (exchange, group) {
    const words = uart.raw[group];
    let text: string | null = words ? hexOf(words, 0, words.length) : null;
    if (group === FAST && needs.snapshot.seq) text = hexOf(samples.words, newest * SAMPLE_WORDS, SAMPLE_WORDS);
    out.push({ "request": bytesText(exchange.request), "words": text });
  });
  return JSON.stringify({ "uart": out, "unread": bytesText(uart.poller.rx) });
}
