// A sentence about what went well, or did not.
import type { ComponentChildren } from "preact";
import type { Tone } from "./badge";

export function Notice({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <p class={"notice " + tone} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </p>
  );
}
