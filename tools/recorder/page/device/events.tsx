// What happened, newest first; and times without data.
import { useState } from "preact/hooks";
import { get, ofDevice, type Gap, type StoryEvent } from "../api";
import { useLoad } from "../load";
import { Choice } from "../parts/choice";
import { Notice } from "../parts/notice";
import { Table, type Column } from "../parts/table";
import { jsonText, spanText, timeText, words } from "../parts/text";

const RELOAD_MS = 10_000;

const KINDS = [
  ["", "All"],
  ["limits", "Limits"],
  ["alarm", "Alarms"],
  ["online", "Online"],
  ["log", "Log"],
  ["cfg/ack", "Settings"],
  ["ack", "Commands"],
] as const;
type Kind = (typeof KINDS)[number][0];

const EVENTS: Column<StoryEvent>[] = [
  { key: "time", head: "Time", cell: ({ time }) => timeText(time), sort: ({ time }) => time },
  { key: "kind", head: "Kind", cell: ({ kind }) => words(kind), sort: ({ kind }) => kind },
  {
    key: "what",
    head: "What",
    cell: ({ key, data }) => (
      <span class="long">
        {key && <b>{words(key)} </b>}
        {jsonText(data)}
      </span>
    ),
  },
];

const lengthOf = ({ from, to }: Gap): number => Date.parse(to) - Date.parse(from);

const GAPS: Column<Gap>[] = [
  { key: "from", head: "From", cell: ({ from }) => timeText(from), sort: ({ from }) => from },
  { key: "to", head: "To", cell: ({ to }) => timeText(to), sort: ({ to }) => to, isWide: true },
  { key: "long", head: "Length", cell: (gap) => spanText(lengthOf(gap)), sort: lengthOf, isNumber: true },
  { key: "cause", head: "Who was away", cell: ({ cause }) => cause, sort: ({ cause }) => cause },
  { key: "replayed", head: "Told later", cell: ({ replayed }) => (replayed ? "yes" : "no"), isWide: true },
];

function EventList({ id }: { id: string }) {
  const [kind, setKind] = useState<Kind>(""),
    path = ofDevice(id, "/events?limit=300" + (kind ? "&kind=" + encodeURIComponent(kind) : "")),
    { data, fault } = useLoad(path, () => get<{ events: StoryEvent[] }>(path), RELOAD_MS);
  return (
    <section class="panel" aria-label="Events">
      <Choice label="Kind of event" options={KINDS} value={kind} onChoose={(one) => setKind(one)} />
      {fault && <Notice tone="bad">{fault}</Notice>}
      {data && (
        <Table
          caption="Events"
          columns={EVENTS}
          rows={data.events}
          keyOf={(event) => [event.time, event.kind, event.key].join()}
          empty="Nothing of this kind."
          pageSize={50}
        />
      )}
    </section>
  );
}

function GapList({ id }: { id: string }) {
  const { data, fault } = useLoad("gaps/" + id, () => get<{ gaps: Gap[] }>(ofDevice(id, "/gaps")));
  return (
    <section class="panel" aria-label="Gaps">
      <h2>Times without data</h2>
      {fault && <Notice tone="bad">{fault}</Notice>}
      {data && (
        <Table
          caption="Gaps"
          columns={GAPS}
          rows={data.gaps}
          keyOf={({ from }) => from}
          first="-from"
          empty="None: it has told something at least every 90 s."
          pageSize={20}
        />
      )}
    </section>
  );
}

export function Events({ id }: { id: string }) {
  return (
    <>
      <EventList id={id} />
      <GapList id={id} />
    </>
  );
}
