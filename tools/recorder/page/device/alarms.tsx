// Alarms of a device; somebody can say that it was seen.
import { useState } from "preact/hooks";
import { get, ofDevice, post, reasonOf, type Alarm } from "../api";
import { useLoad } from "../load";
import { Badge } from "../parts/badge";
import { Notice } from "../parts/notice";
import { Table, type Column } from "../parts/table";
import { numberText, timeText } from "../parts/text";
import { useSession } from "../session";

const RELOAD_MS = 5000;

const SEVERITY = ["event", "warning", "alarm"];

const COLUMNS: Column<Alarm>[] = [
  {
    key: "code",
    head: "Alarm",
    cell: ({ code, severity, clearedAt }) => (
      <>
        <Badge tone={clearedAt !== null ? "dull" : severity > 1 ? "bad" : "warn"}>
          {clearedAt === null ? (SEVERITY[severity] ?? "alarm") : "over"}
        </Badge>{" "}
        {code}
      </>
    ),
    sort: ({ code }) => code,
  },
  { key: "raised", head: "Raised", cell: ({ raisedAt }) => timeText(raisedAt), sort: ({ raisedAt }) => raisedAt },
  {
    key: "cleared",
    head: "Over",
    cell: ({ clearedAt }) => (clearedAt === null ? "still active" : timeText(clearedAt)),
    sort: ({ clearedAt }) => clearedAt,
    isWide: true,
  },
  {
    key: "value",
    head: "Value",
    cell: ({ value }) => numberText(value, 1),
    sort: ({ value }) => value,
    isNumber: true,
    isWide: true,
  },
];

function seenColumn(canWrite: boolean, onSeen: (alarm: Alarm) => void): Column<Alarm> {
  return {
    key: "seen",
    head: "Seen",
    cell: (alarm) => {
      const { ackedAt, ackedBy, code } = alarm;
      if (ackedAt !== null) return `by ${ackedBy ?? "somebody"}, ${timeText(ackedAt)}`;
      if (!canWrite) return "not yet";
      return (
        <button type="button" onClick={() => onSeen(alarm)}>
          Acknowledge<span class="unseen"> {code}</span>
        </button>
      );
    },
  };
}

export function Alarms({ id }: { id: string }) {
  const { role } = useSession(),
    path = `/api/alarms?device=${encodeURIComponent(id)}&limit=200`,
    { data, fault, again } = useLoad("alarms/" + id, () => get<{ alarms: Alarm[] }>(path), RELOAD_MS),
    [refusal, setRefusal] = useState("");
  const onSeen = ({ id: alarm, raisedAt }: Alarm): void => {
    setRefusal("");
    post(ofDevice(id, `/alarms/${alarm}/acknowledge`), { raisedAt, by: "page" })
      .catch((thrown) => setRefusal(reasonOf(thrown)))
      .finally(again);
  };
  if (!data) return fault ? <Notice tone="bad">{fault}</Notice> : <p class="empty">Asking for the alarms.</p>;
  return (
    <section class="panel" aria-label="Alarms">
      {refusal && <Notice tone="bad">{refusal}</Notice>}
      <Table
        caption="Alarms"
        columns={[...COLUMNS, seenColumn(role === "write", onSeen)]}
        rows={data.alarms}
        keyOf={({ id: alarm, raisedAt }) => alarm + raisedAt}
        empty="No alarm has ever been raised."
      />
    </section>
  );
}
