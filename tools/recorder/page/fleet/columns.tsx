// Columns of the table of devices.
import type { FleetRow } from "../api";
import { Badge, type Tone } from "../parts/badge";
import { Link } from "../parts/link";
import type { Column } from "../parts/table";
import { numberText, spanText, UNKNOWN, words } from "../parts/text";
import { pathOf } from "../route";
import { heardAt, statusOf, type Status } from "./list";

export interface Choosing {
  chosen: ReadonlySet<string>;
  choose(ids: string[], isIn: boolean): void;
}

const TONES: Record<Status, Tone> = { online: "good", stale: "dull", silent: "warn", offline: "bad" };
const RANK: Record<Status, number> = { offline: 0, silent: 1, stale: 2, online: 3 };

function ageOfRow(row: FleetRow, now: number): number | null {
  const at = heardAt(row);
  return at === null ? null : now - at;
}

function ageText(row: FleetRow, now: number): string {
  const ms = ageOfRow(row, now);
  return ms === null ? UNKNOWN : spanText(ms);
}

function StatusBadge({ row, now }: { row: FleetRow; now: number }) {
  const status = statusOf(row, now);
  return (
    <Badge tone={TONES[status]}>
      {status === "silent" ? "gap " + ageText(row, now) : status}
      {status === "online" && row.bmsOnline === false ? ", no BMS" : ""}
    </Badge>
  );
}

/** On a phone the name carries what has no column there. */
function NameCell({ row, now }: { row: FleetRow; now: number }) {
  const { id, name, state, phase, alarms } = row;
  return (
    <>
      <Link to={pathOf(id)}>{name ?? id}</Link>
      {name && <small class="wide"> {id}</small>}
      <div class="narrow">
        <StatusBadge row={row} now={now} /> {alarms > 0 && AlarmCell(row)}
      </div>
      <small class="narrow">
        {words(state?.ph ?? phase)} · {words(state?.lim)}
      </small>
    </>
  );
}

function chooseColumn({ chosen, choose }: Choosing): Column<FleetRow> {
  return {
    key: "chosen",
    head: "Pick",
    cell: ({ id }) => (
      <input
        type="checkbox"
        aria-label={"Pick " + id}
        checked={chosen.has(id)}
        onChange={(event) => choose([id], event.currentTarget.checked)}
      />
    ),
  };
}

function valueColumn(key: "soc" | "v" | "i", head: string, digits: number, isWide = false): Column<FleetRow> {
  const of = ({ state }: FleetRow): number | null => state?.[key] ?? null;
  return { key, head, cell: (row) => numberText(of(row), digits), sort: of, isNumber: true, isWide };
}

function AlarmCell({ alarms, severity }: FleetRow) {
  if (alarms === 0) return <span class="soft">none</span>;
  return <Badge tone={severity > 1 ? "bad" : "warn"}>{alarms} active</Badge>;
}

/** `now` in ms. Choosing null: nobody may change anything. */
export function columnsOf(now: number, choosing: Choosing | null): Column<FleetRow>[] {
  return [
    ...(choosing ? [chooseColumn(choosing)] : []),
    { key: "id", head: "Device", cell: (row) => <NameCell row={row} now={now} />, sort: ({ name, id }) => name ?? id },
    {
      key: "status",
      head: "Status",
      cell: (row) => <StatusBadge row={row} now={now} />,
      sort: (row) => RANK[statusOf(row, now)],
      isWide: true,
    },
    {
      key: "age",
      head: "Heard",
      cell: (row) => ageText(row, now),
      sort: (row) => ageOfRow(row, now),
      isNumber: true,
      isWide: true,
    },
    valueColumn("soc", "SoC %", 0),
    valueColumn("v", "V", 2),
    valueColumn("i", "A", 1),
    {
      key: "phase",
      head: "Phase",
      cell: ({ state, phase }) => words(state?.ph ?? phase),
      sort: ({ state, phase }) => state?.ph ?? phase,
      isWide: true,
    },
    {
      key: "lim",
      head: "Limited by",
      cell: ({ state }) => words(state?.lim),
      sort: ({ state }) => state?.lim ?? null,
      isWide: true,
    },
    {
      key: "alarms",
      head: "Alarms",
      cell: AlarmCell,
      sort: ({ alarms, severity }) => severity * 1000 + alarms,
      isWide: true,
    },
  ];
}
