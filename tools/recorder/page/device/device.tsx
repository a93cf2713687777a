// One device: what it does now, and its story.
import { useEffect, useState } from "preact/hooks";
import { get, ofDevice, type DeviceAnswer, type FleetRow } from "../api";
import { setClock, useNow } from "../clock";
import { heardAt, statusOf } from "../fleet/list";
import { useLive } from "../live";
import { useLoad } from "../load";
import { Badge } from "../parts/badge";
import { Link } from "../parts/link";
import { Notice } from "../parts/notice";
import { spanText, UNKNOWN } from "../parts/text";
import { Letters } from "../letters";
import { LETTERS_TAB, pathOf } from "../route";
import { Alarms } from "./alarms";
import { Commands } from "./commands";
import { Energy } from "./energy";
import { Events } from "./events";
import { Name } from "./name";
import { Now } from "./now";
import { Charts } from "./charts";
import { SettingsTab } from "./settings-tab";

const RELOAD_MS = 30_000;

const TABS = [
  ["", "Now"],
  ["alarms", "Alarms"],
  ["events", "Events"],
  ["energy", "Energy"],
  ["settings", "Settings"],
  ["commands", "Commands"],
  [LETTERS_TAB, "Not kept"],
] as const;

/** A device as asked for, and then as its messages tell. */
function useDevice(id: string): {
  answer: DeviceAnswer | null;
  row: FleetRow | null;
  fault: string;
  isConnected: boolean;
} {
  const { data, fault } = useLoad(
    "device/" + id,
    async () => {
      const answer = await get<DeviceAnswer>(ofDevice(id, ""));
      setClock(answer.time);
      return answer;
    },
    RELOAD_MS,
  );
  const [row, setRow] = useState<FleetRow | null>(null);
  useEffect(() => {
    if (data) setRow(data.device);
  }, [data]);
  const isConnected = useLive({
    device: id,
    message: ({ value, time, metadata: { suffix, retained, received } }) =>
      setRow((old) => {
        if (!old || retained) return old;
        const after = { ...old, lastSeen: received };
        if (suffix === "rt/state") return { ...after, state: value as FleetRow["state"], stateAt: Date.parse(time) };
        if (suffix === "status") return { ...after, online: (value as { online?: boolean }).online ?? old.online };
        return after;
      }),
  });
  return { answer: data, row, fault, isConnected };
}

function Head({ row }: { row: FleetRow }) {
  const now = useNow(),
    status = statusOf(row, now),
    heard = heardAt(row);
  return (
    <header class="device">
      <Name id={row.id} name={row.name} />
      <p>
        <Badge tone={status === "online" ? "good" : status === "stale" ? "dull" : "bad"}>{status}</Badge>
        {row.bmsOnline === false && <Badge tone="bad">BMS not heard</Badge>}
        {row.alarms > 0 && (
          <Badge tone={row.severity > 1 ? "bad" : "warn"}>
            {row.alarms} active {row.alarms === 1 ? "alarm" : "alarms"}
          </Badge>
        )}
        <span class="soft">
          {row.name !== null && row.id + " · "}heard {heard === null ? UNKNOWN : spanText(now - heard) + " ago"}
          {row.fw && " · firmware " + row.fw}
        </span>
      </p>
    </header>
  );
}

function Tab({ tab, answer, row }: { tab: string; answer: DeviceAnswer; row: FleetRow }) {
  const { id } = row;
  if (tab === "alarms") return <Alarms id={id} />;
  if (tab === "events") return <Events id={id} />;
  if (tab === "energy") return <Energy id={id} />;
  if (tab === "settings") return <SettingsTab id={id} isOnline={row.online !== false} />;
  if (tab === "commands") return <Commands id={id} isOnline={row.online !== false} />;
  if (tab === LETTERS_TAB) return <Letters device={id} />;
  return (
    <>
      <Now row={row} answer={answer} />
      <Charts id={id} />
    </>
  );
}

export function Device({ id, tab: wanted }: { id: string; tab: string }) {
  const { answer, row, fault, isConnected } = useDevice(id),
    tab = TABS.some(([key]) => key === wanted) ? wanted : "";
  if (!answer || !row) return fault ? <Notice tone="bad">{fault}</Notice> : <p class="empty">Asking for {id}.</p>;
  return (
    <>
      <Head row={row} />
      {!isConnected && <Notice tone="warn">Connection to the recorder lost: what is shown grows old.</Notice>}
      <nav class="tabs" aria-label="Parts of this device">
        {TABS.map(([key, text]) => (
          <Link key={key} to={pathOf(id, key)} isCurrent={key === tab}>
            {text}
          </Link>
        ))}
      </nav>
      <Tab tab={tab} answer={answer} row={row} />
    </>
  );
}
