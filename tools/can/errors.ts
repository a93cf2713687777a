// Error frames as Linux's SocketCAN makes them (linux/can/error.h): the class is in the identifier, more in the data.

const CLASSES: [bit: number, name: string][] = [
  [0x01, "transmission timed out"],
  [0x02, "lost arbitration"],
  [0x04, "controller"],
  [0x08, "protocol violation"],
  [0x10, "transceiver"],
  [0x20, "no acknowledgement"],
  [0x40, "bus off"],
  [0x80, "bus error"],
  [0x100, "controller restarted"],
  [0x200, "error counters"],
];
const CONTROLLER = [
  "receive buffer full",
  "send buffer full",
  "warning level of receive errors",
  "warning level of transmit errors",
  "error passive by receive errors",
  "error passive by transmit errors",
  "error active again",
];
const PROTOCOL = [
  "single bit",
  "form",
  "bit stuffing",
  "no dominant bit could be sent",
  "no recessive bit could be sent",
  "overload",
  "active error announced",
  "while sending",
];
const CONTROLLER_AT = 1,
  PROTOCOL_AT = 2,
  SENT_ERRORS_AT = 6,
  RECEIVED_ERRORS_AT = 7;

const named = (bits: number, names: string[]): string => names.filter((_, bit) => bits & (1 << bit)).join(", ");

function details(bit: number, data: ArrayLike<number>): string {
  if (bit === 0x02) return data[0] ? `at bit ${data[0]}` : "";
  if (bit === 0x04) return named(data[CONTROLLER_AT] ?? 0, CONTROLLER);
  if (bit === 0x08) return named(data[PROTOCOL_AT] ?? 0, PROTOCOL);
  if (bit === 0x200) return `transmit ${data[SENT_ERRORS_AT] ?? 0}, receive ${data[RECEIVED_ERRORS_AT] ?? 0}`;
  return "";
}

/** The classes of an error frame, each with its details: `bus off`, `controller (error passive by transmit errors)`. */
export function errorClasses(id: number, data: ArrayLike<number>): string[] {
  const found = CLASSES.filter(([bit]) => id & bit).map(([bit, name]) => {
    const more = details(bit, data);
    return more ? `${name} (${more})` : name;
  });
  return found.length ? found : ["no class"];
}
