// The state of the commands at boot.
import { NEVER, type Commands } from "./command-state";

export function commandsOf(): Commands {
  return { at: NEVER, mode: 0, answerFlags: 0, configFlags: 0, pending: 0, registers: 0, out: [], dropped: 0, acked: [], asked: null, test: null,
    restartAt: 0 };
}
