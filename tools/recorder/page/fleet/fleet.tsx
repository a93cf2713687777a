// All devices: what they are doing now, which of them is silent or has an alarm.
import { useEffect, useState } from "preact/hooks";
import { get, type FleetRow } from "../api";
import { setClock, useNow } from "../clock";
import { useLive } from "../live";
import { useLoad } from "../load";
import { Choice } from "../parts/choice";
import { Notice } from "../parts/notice";
import { Table } from "../parts/table";
import { useSession } from "../session";
import { columnsOf } from "./columns";
import { FleetTabs } from "./letters";
import { applied, isLike, statusOf } from "./list";
import { RollOutPanel } from "./rollout";

const RELOAD_MS = 30_000;

const FILTERS = [
  ["all", "All"],
  ["online", "Online"],
  ["quiet", "Not heard"],
  ["alarm", "Alarm"],
] as const;
type Filter = (typeof FILTERS)[number][0];

/** Devices as asked for, and then as the recorder tells of them. */
function useFleet(): { rows: FleetRow[] | null; fault: string; isConnected: boolean } {
  const { data, fault, again } = useLoad(
    "fleet",
    async () => {
      const answer = await get<{ time: number; devices: FleetRow[] }>("/api/devices");
      setClock(answer.time);
      return answer.devices;
    },
    RELOAD_MS,
  );
  const [rows, setRows] = useState<FleetRow[] | null>(null);
  useEffect(() => {
    if (data) setRows(data);
  }, [data]);
  const isConnected = useLive({
    fleet: (changes) => {
      if (!rows) return;
      const after = applied(rows, changes);
      if (after) setRows(after);
      else again();
    },
  });
  return { rows, fault, isConnected };
}

function isShown(row: FleetRow, filter: Filter, now: number): boolean {
  if (filter === "all") return true;
  if (filter === "alarm") return row.alarms > 0;
  return (statusOf(row, now) === "online") === (filter === "online");
}

interface SearchProps {
  search: string;
  filter: Filter;
  onSearch(search: string): void;
  onFilter(filter: Filter): void;
}

function Search({ search, filter, onSearch, onFilter }: SearchProps) {
  return (
    <div class="tools">
      <label class="search">
        <span class="unseen">Find devices</span>
        <input
          type="search"
          placeholder="Find: name, phase, limit…"
          value={search}
          onInput={(event) => onSearch(event.currentTarget.value)}
        />
      </label>
      <Choice label="Show" options={FILTERS} value={filter} onChoose={onFilter} />
    </div>
  );
}

export function Fleet() {
  const { rows, fault, isConnected } = useFleet(),
    { role } = useSession(),
    now = useNow(),
    [search, onSearch] = useState(""),
    [filter, onFilter] = useState<Filter>("all"),
    [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  if (!rows) return fault ? <Notice tone="bad">{fault}</Notice> : <p class="empty">Asking for the devices.</p>;
  const shown = rows.filter((row) => isShown(row, filter, now) && isLike(row, search, now));
  const choose = (ids: string[], isIn: boolean): void => {
    const after = new Set(chosen);
    for (const id of ids)
      if (isIn) after.add(id);
      else after.delete(id);
    setChosen(after);
  };
  const online = rows.filter((row) => statusOf(row, now) === "online").length;
  return (
    <>
      <h1>
        {rows.length} devices <span class="unit">{online} online</span>
      </h1>
      <FleetTabs tab="" />
      {!isConnected && <Notice tone="warn">Connection to the recorder lost: what is shown grows old.</Notice>}
      <Search {...{ search, filter, onSearch, onFilter }} />
      {role === "write" && <RollOutPanel {...{ chosen, shown, choose }} />}
      <Table
        caption="Devices"
        columns={columnsOf(now, role === "write" ? { chosen, choose } : null)}
        rows={shown}
        keyOf={({ id }) => id}
        classOf={(row) => (statusOf(row, now) === "online" ? "" : "stale")}
        first="id"
        empty={rows.length === 0 ? "No device has told anything yet." : "No device is like that."}
      />
    </>
  );
}
