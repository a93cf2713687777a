// Colours of the host tools: on a terminal, or where FORCE_COLOR asks for them; NO_COLOR wins. A pipe or a log stays
// plain text, also where CI is set, which picocolors by itself takes for a terminal.
import pc from "picocolors";

const { NO_COLOR, FORCE_COLOR, TERM } = process.env;

// A pipe's `isTTY` is undefined, and createColors takes undefined for "decide yourself".
const wanted = Boolean(FORCE_COLOR) || (Boolean(process.stdout.isTTY) && TERM !== "dumb");

export default pc.createColors(!NO_COLOR && wanted);
