// Commands to a device: those that the recorder passes on, their arguments, and what the device answers.
import { useState } from "preact/hooks";
import { get, ofDevice, post, reasonOf, Refusal, type Argument, type Command, type ConfigModule } from "../api";
import { useLoad } from "../load";
import { Input } from "../parts/input";
import { Notice } from "../parts/notice";
import { useSession } from "../session";
import { faultOf, valueOf, type Draft } from "../settings";

const fieldOf = ({ cmd }: Command, argument: Argument) => ({ ...argument, module: cmd });

/** Why an argument's text cannot be; an empty one may be left out unless it is needed. */
function argumentFault(row: Command, argument: Argument, text: string): string {
  if (text === "") return argument.isNeeded ? "is needed" : "";
  return faultOf(fieldOf(row, argument), text);
}

const argumentsOf = (row: Command, draft: Draft): Record<string, unknown> =>
  Object.fromEntries(
    row.args.flatMap((one) =>
      (draft[one.key] ?? "") === "" ? [] : [[one.key, valueOf(fieldOf(row, one), draft[one.key])]],
    ),
  );

/** Why a device would not do it, by its setting mqtt.commands where that is known; "" when it would. */
function deviceRefusal({ may }: Command, mode: unknown): string {
  if (mode === "off") return "The device takes no commands: its setting mqtt.commands is off.";
  if (may === "all" && mode !== undefined && mode !== "all")
    return "The device takes this one only when its setting mqtt.commands is all.";
  return "";
}

interface SendProps {
  id: string;
  row: Command;
  /** Why it cannot be sent; "" when it can. */
  whyNot: string;
}

/** Arguments of one command, the button that sends it, and the answer. */
function Send({ id, row, whyNot }: SendProps) {
  const [draft, setDraft] = useState<Draft>({}),
    [refused, setRefused] = useState<Record<string, string>>({}),
    [isTried, setTried] = useState(false),
    [isBusy, setBusy] = useState(false),
    [answer, setAnswer] = useState<{ fault: string; reply: unknown } | null>(null);
  const faultAt = (one: Argument): string => argumentFault(row, one, draft[one.key] ?? "");
  const send = (): void => {
    setTried(true);
    setAnswer(null);
    if (row.args.some((one) => faultAt(one) !== "")) return;
    setBusy(true);
    post<{ reply: unknown }>(ofDevice(id, "/commands"), { cmd: row.cmd, args: argumentsOf(row, draft) })
      .then(
        ({ reply }) => setAnswer({ fault: "", reply }),
        (thrown) => {
          setAnswer({ fault: reasonOf(thrown), reply: null });
          if (thrown instanceof Refusal) setRefused({ [thrown.err.where]: thrown.err.reason || thrown.err.code });
        },
      )
      .finally(() => setBusy(false));
  };
  return (
    <>
      {row.args.map((one) => {
        const text = draft[one.key];
        const fault = text !== undefined || isTried ? faultAt(one) : "";
        return (
          <Input
            key={one.key}
            field={fieldOf(row, one)}
            text={text ?? ""}
            emptyText="choose"
            fault={fault || (refused[`${row.cmd}.${one.key}`] ?? "")}
            isChanged={false}
            onText={(typed) => {
              setDraft({ ...draft, [one.key]: typed });
              setRefused({});
            }}
          />
        );
      })}
      <p>
        <button type="button" class="main" disabled={isBusy || whyNot !== ""} onClick={send}>
          {isBusy ? "Waiting for the answer" : "Send " + row.cmd}
        </button>
        {whyNot && <small>{whyNot}</small>}
      </p>
      {answer && <Notice tone={answer.fault ? "bad" : "good"}>{answer.fault || "Done. The device answers:"}</Notice>}
      {answer && !answer.fault && <pre class="answer">{JSON.stringify(answer.reply, null, 2)}</pre>}
    </>
  );
}

export function Commands({ id, isOnline }: { id: string; isOnline: boolean }) {
  const { role } = useSession(),
    list = useLoad("commands", () => get<{ commands: Command[] }>("/api/settings")),
    config = useLoad("config/" + id, () => get<{ modules: ConfigModule[] }>(ofDevice(id, "/config"))),
    [chosen, setChosen] = useState("");
  const fault = list.fault || config.fault;
  if (!list.data || !config.data)
    return fault ? <Notice tone="bad">{fault}</Notice> : <p class="empty">Asking for the commands.</p>;
  const { commands } = list.data,
    row = commands.find(({ cmd }) => cmd === chosen) ?? commands[0],
    mode = config.data.modules.find(({ module }) => module === "mqtt")?.document.commands;
  const whyNot =
    role !== "write"
      ? "Log in with the write token to send commands."
      : isOnline
        ? deviceRefusal(row, mode)
        : "The device is not online.";
  return (
    <section class="panel" aria-label="Commands">
      <form class="settings" onSubmit={(event) => event.preventDefault()}>
        <label class="search" for="command">
          Command
        </label>
        <select id="command" class="choose" value={row.cmd} onChange={(event) => setChosen(event.currentTarget.value)}>
          {commands.map(({ cmd }) => (
            <option key={cmd} value={cmd}>
              {cmd}
            </option>
          ))}
        </select>
        <p>{row.doc}</p>
        <Send key={row.cmd} id={id} row={row} whyNot={whyNot} />
      </form>
    </section>
  );
}
