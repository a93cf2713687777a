// A host's side of the conversation that reads and writes the TinyBMS's settings: `settingsTalkOf` begins one,
// `settingsNext` (both in the firmware's bms/settings.cold.ts) gives the bytes to send, `settingsTook` is told what
// became of them, until there is an outcome.
import { settingsCheck, settingsStep } from "../../firmware/bms/settings.cold";
import { CHECK, type SettingsTalk } from "../../firmware/bms/settings";

/**
 * What became of the bytes that `settingsNext` gave: an outcome of the receiver, the data bytes of the reply (""
 * without) and the ERR byte of a nack. After the last DEFAULTS step the change set is checked at once.
 */
export function settingsTook(talk: SettingsTalk, outcome: string, payload: string, error: number): void {
  settingsStep(talk, outcome, payload, error);
  if (talk.step === CHECK) settingsCheck(talk);
}
