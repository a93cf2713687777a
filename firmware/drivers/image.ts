// Where the image runs from. Not cold: cold functions are made from that text.
import { setImageText } from "../kernel/text.cold";

/** The image begins with this; its tables follow, then its cold functions, up to the end of the comment. */
const TEXT_START = "/*~TEXT~";

/** Find the image's tables in the flash; false when it does not run from there. */
export function findImageText(): boolean {
  const boot = require("Storage").read(".bootcde") || "",
    at = boot.indexOf(TEXT_START);
  if (at < 0) return false;
  setImageText(boot.substr(at + TEXT_START.length));
  return true;
}
