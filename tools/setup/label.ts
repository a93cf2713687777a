// What is worth writing on the device: its name, where it is, how to log in; and a QR code that opens it.
import encodeQR from "qr";
import type { Label } from "./device";

/** The label as lines. */
export function labelText(label: Label): string {
  const url = label.address ? `http://${label.address}/` : "",
    rows: [string, string][] = [
      ["device", label.device],
      ["network", label.network || "none: CAN works without"],
      ["address", url || (label.network ? "none yet: the device goes on trying" : "none")],
    ];
  if (url) rows.push(["", `or http://${label.device}.local/`]);
  if (label.password) rows.push(["login", `${label.user}, password: ${label.password}`]);
  const lines = rows.map(([name, value]) => `  ${name.padEnd(8)} ${value}`);
  return [...lines, ...(url ? ["", encodeQR(url, "ascii").trimEnd()] : [])].join("\n");
}
