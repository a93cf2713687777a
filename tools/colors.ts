// Colours of the host tools: on a terminal, or where FORCE_COLOR asks for them; NO_COLOR wins. A pipe or a log stays
// plain text, also where CI is set, which picocolors by itself takes for a terminal.
import pc from "picocolors";

const { NO_COLOR, FORCE_COLOR, TERM } = process.env;

export default pc.createColors(!NO_COLOR && (!!FORCE_COLOR || (process.stdout.isTTY && TERM !== "dumb")));
