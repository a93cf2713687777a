// The image's text: tables that are needed rarely, as lines in the flash beside the code (a comment at the image's head).
// Reading a piece costs one call and keeps nothing in memory.

const image = { text: "" };

/** Told once at boot; `text` refers to the flash. */
export function setImageText(text: string): void {
  image.text = text;
}

/** The characters from `start` up to before `end`. */
export function textSlice(start: number, end: number): string {
  return image.text.substring(start, end);
}
