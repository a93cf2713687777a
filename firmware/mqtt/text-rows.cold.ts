// Which of the rows with slots have names for their values, so that their messages carry text (setting retain.text).

/** Whether the message of a register with a slot carries text. */
export function hasNames(suffix: string): boolean {
  return suffix === "system_status" || suffix === "operation_mode";
}
