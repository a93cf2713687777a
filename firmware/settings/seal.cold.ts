// A password that was stored as it is, by the console or by an older version, is kept as a hash from now on.

import type { Document } from "../config/document.cold";
import { isSealed } from "../config/pass.cold";
import { newestSlot } from "../config/slots.cold";
import { quoteBytes } from "../kernel/json.cold";
import type { Needs } from "./needs";
import { beginChange } from "./put.cold";

/** Asked once a start, when there is an address. */
export function sealStored(needs: Needs): void {
  const stored = (JSON.parse(newestSlot(needs.store, needs.natives.crc32).document) as Document)["http"],
    pass = stored ? stored["pass"] : "";
  if (typeof pass !== "string" || !pass || isSealed(pass)) return;
  beginChange(needs, {
    text: '{"http":{"pass":' + quoteBytes(pass) + "}}",
    module: "",
    remote: "h",
    dry: false,
    confirmed: false,
    then: function () {
      // the log tells
    },
  });
}
