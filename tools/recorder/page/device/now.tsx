// Values of the moment.
import type { DeviceAnswer, FleetRow } from "../api";
import { useNow } from "../clock";
import { heardAt, statusOf } from "../fleet/list";
import { Card, type CardProps } from "../parts/card";
import { numberText, spanText, timeText, UNKNOWN, words } from "../parts/text";

function cardsOf({ state }: FleetRow): CardProps[] {
  const { soc, v, i, p, cmin, cmax, cd, t1, t2, cvl, ccl, dcl, st, lim, ph, ein, eout } = state ?? {};
  return [
    { label: "State of charge", value: soc, unit: "%", note: words(st) },
    { label: "Voltage", value: v, unit: "V", digits: 2, note: `limit ${numberText(cvl, 1)} V` },
    { label: "Current", value: i, unit: "A", digits: 1, note: "charging is positive" },
    { label: "Power", value: p, unit: "W" },
    { label: "Charge limit", value: ccl, unit: "A", digits: 0, note: "by " + words(lim) },
    { label: "Discharge limit", value: dcl, unit: "A", digits: 0, note: "phase " + words(ph) },
    {
      label: "Cells",
      value: `${numberText(cmin)}–${numberText(cmax)}`,
      unit: "mV",
      note: `spread ${numberText(cd)} mV`,
    },
    { label: "Temperature", value: t1, unit: "°C", digits: 1, note: `second ${numberText(t2, 1)} °C` },
    { label: "Energy today", value: ein, unit: "kWh in", digits: 2, note: `${numberText(eout, 2)} kWh out` },
  ];
}

/** A member of a record of the recorder as text. */
const factText = (value: unknown): string => (value === null || value === undefined ? UNKNOWN : String(value));

function About({ answer: { system, hardware, device } }: { answer: DeviceAnswer }) {
  const facts: [string, string][] = [
    ["Chip", `${factText(hardware?.chipModel)} rev ${factText(hardware?.chipRev)}, ${factText(hardware?.cores)} cores`],
    ["Heap free", `${factText(system?.heapFreeKb)} kB, least ${factText(system?.heapMinFreeKb)} kB`],
    ["Wi-Fi", `${factText(system?.rssi)} dBm`],
    ["Address", `${factText(system?.ip)}, ${factText(system?.mac)}`],
    ["Running since", timeText(system?.uptimeStart as string | null | undefined)],
    ["First seen", timeText(device.firstSeen)],
  ];
  return (
    <details class="panel about">
      <summary>About this device</summary>
      <dl>
        {facts.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

export function Now({ row, answer }: { row: FleetRow; answer: DeviceAnswer }) {
  const now = useNow(),
    status = statusOf(row, now),
    at = row.stateAt ?? heardAt(row);
  const staleText = status === "online" ? null : at === null ? "never told" : `stale, ${spanText(now - at)} old`;
  return (
    <>
      <dl class="cards" aria-label="Now">
        {cardsOf(row).map((card) => (
          <Card key={card.label} {...card} staleText={staleText} />
        ))}
      </dl>
      <About answer={answer} />
    </>
  );
}
