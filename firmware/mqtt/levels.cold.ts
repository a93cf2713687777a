// A topic of the settings, tidied.

/** A topic without blanks around its levels and without empty ones. */
export function levels(topic: string): string {
  return topic.split("/").map(function (level) { return level.trim(); }).filter(function (level) { return level !== ""; }).join("/");
}
