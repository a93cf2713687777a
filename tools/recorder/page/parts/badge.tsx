// A word with a colour; the word alone says it too.
import type { ComponentChildren } from "preact";

export type Tone = "good" | "warn" | "bad" | "dull";

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={"badge " + tone}>{children}</span>;
}
