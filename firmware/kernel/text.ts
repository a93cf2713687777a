// The image's text: tables that are needed rarely, as lines in the flash beside the code (a comment at the image's
// head). Reading a piece costs one call and keeps nothing in memory.

/** Told once at boot (text.cold.ts); refers to the flash. */
export const image = { text: "" };

/** The characters from `start` up to before `end`. */
export function textSlice(start: number, end: number): string {
  return image.text.substring(start, end);
}
