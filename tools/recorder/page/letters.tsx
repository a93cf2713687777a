// Dead letters: messages that could not be kept, with why; each can be tried again.
import { useState } from "preact/hooks";
import { get, post, reasonOf, type DeadReason, type Letter } from "./api";
import { useLoad } from "./load";
import { Badge } from "./parts/badge";
import { Notice } from "./parts/notice";
import { Table, type Column } from "./parts/table";
import { timeText } from "./parts/text";
import { useSession } from "./session";

const RELOAD_MS = 10_000,
  MOST = 200;

const WHY: Record<DeadReason, string> = {
  UnknownTopic: "nobody knows this topic",
  BadJson: "the payload is not what this topic has",
  TooBig: "the payload is too long",
  BadDevice: "the topic names no device that can be",
  TooManySensors: "its device has told of too many values already",
  TooOld: "older than what is kept",
  NoClock: "nobody knows yet when its device booted; tried again by itself",
  Refused: "the database refuses it",
};

const whyText = (reason: string): string => WHY[reason as DeadReason] ?? reason;

function Why({ reason }: Letter) {
  return (
    <>
      <Badge tone="warn">{reason}</Badge> <small>{whyText(reason)}</small>
    </>
  );
}

/** On a phone the message carries what has no column there. */
function MessageCell(letter: Letter) {
  const { topic, payload, receivedAt } = letter;
  return (
    <>
      <span class="long">
        <b>{topic}</b> {payload}
      </span>
      <div class="narrow">
        <small>{timeText(receivedAt)}</small> {Why(letter)}
      </div>
    </>
  );
}

const COLUMNS: Column<Letter>[] = [
  {
    key: "at",
    head: "Came",
    cell: ({ receivedAt }) => timeText(receivedAt),
    sort: ({ receivedAt }) => receivedAt,
    isWide: true,
  },
  { key: "message", head: "Message", cell: MessageCell, sort: ({ topic }) => topic },
  { key: "why", head: "Why", cell: Why, sort: ({ reason }) => reason, isWide: true },
  {
    key: "tries",
    head: "Tries",
    cell: ({ tries }) => tries,
    sort: ({ tries }) => tries,
    isNumber: true,
    isWide: true,
  },
];

function retryColumn(isBusy: boolean, onRetry: (letters: Letter[]) => void): Column<Letter> {
  return {
    key: "retry",
    head: "Again",
    cell: (letter) => (
      <button type="button" disabled={isBusy} onClick={() => onRetry([letter])}>
        Try again<span class="unseen"> {letter.topic}</span>
      </button>
    ),
  };
}

interface Answer {
  ok: boolean;
  reason: string;
}

/** One after the other; how it went as a sentence. */
async function retried(letters: Letter[]): Promise<{ isGood: boolean; text: string }> {
  const failed: string[] = [];
  for (const { hash } of letters) {
    const { ok, reason } = await post<Answer>(`/api/dead-letters/${hash}/retry`, {});
    if (!ok) failed.push(reason);
  }
  const kept = letters.length - failed.length;
  if (failed.length === 0)
    return { isGood: true, text: letters.length === 1 ? "It is kept now." : `${kept} are kept now.` };
  if (letters.length === 1) return { isGood: false, text: `Still not kept: ${whyText(failed[0])}.` };
  return {
    isGood: false,
    text: `${kept} are kept now, ${failed.length} still not: ${[...new Set(failed)].join(", ")}.`,
  };
}

/** Of one device, or of all. */
export function Letters({ device }: { device?: string }) {
  const { role } = useSession(),
    path = `/api/dead-letters?limit=${MOST}` + (device === undefined ? "" : "&device=" + encodeURIComponent(device)),
    { data, fault, again } = useLoad(path, () => get<{ letters: Letter[] }>(path), RELOAD_MS),
    [answer, setAnswer] = useState<{ isGood: boolean; text: string } | null>(null),
    [isBusy, setBusy] = useState(false);
  const onRetry = (letters: Letter[]): void => {
    setBusy(true);
    retried(letters)
      .then(setAnswer, (thrown) => setAnswer({ isGood: false, text: reasonOf(thrown) }))
      .finally(() => {
        setBusy(false);
        again();
      });
  };
  if (!data) return fault ? <Notice tone="bad">{fault}</Notice> : <p class="empty">Asking for what was not kept.</p>;
  const { letters } = data;
  return (
    <section class="panel" aria-label="Messages that were not kept">
      <h2>Messages that were not kept</h2>
      {fault && <Notice tone="bad">{fault}</Notice>}
      {answer && <Notice tone={answer.isGood ? "good" : "bad"}>{answer.text}</Notice>}
      {letters.length === MOST && <p class="soft">The newest {MOST}.</p>}
      {role === "write" && letters.length > 1 && (
        <button type="button" disabled={isBusy} onClick={() => onRetry(letters)}>
          Try all {letters.length} again
        </button>
      )}
      <Table
        caption="Messages that were not kept"
        columns={role === "write" ? [...COLUMNS, retryColumn(isBusy, onRetry)] : COLUMNS}
        rows={letters}
        keyOf={({ hash }) => hash}
        empty="None: everything that was told is kept."
        pageSize={50}
      />
    </section>
  );
}
