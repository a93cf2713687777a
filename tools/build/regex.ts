// Which regular expressions Espruino's small engine reads as written: the others are accepted and then never match.

const REFUSED: [RegExp, string][] = [
  [/^\(\?/, "(?: and look-around are not understood"],
  [/^[*+?]\?/, "lazy quantifiers are not understood"],
  [/^\{/, "{n,m} is not understood"],
  [/^\\[bB]/, "\\b is not understood"],
  [/^\\[1-9kpP]/, "this escape is not understood"],
];

/** Why the device would not read /pattern/flags as JavaScript does; "" when it would. */
export function regexFault(pattern: string, flags: string): string {
  if (/[^gi]/.test(flags)) return "only the flags g and i are understood";
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const rest = pattern.slice(at);
    if (inClass && rest[0] === "/") return "/ in brackets ends the expression: write \\/ outside of them";
    const fault = inClass ? undefined : REFUSED.find(([found]) => found.test(rest));
    if (fault) return fault[1];
    if (rest[0] === "\\") at++;
    else if (rest[0] === "[") inClass = true;
    else if (rest[0] === "]") inClass = false;
  }
  return "";
}
