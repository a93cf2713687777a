// Where the image's text is.
import { image } from "./text";

/** Told once at boot; `text` refers to the flash. */
export function setImageText(text: string): void {
  image.text = text;
}
