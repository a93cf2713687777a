// Settings of a device: a form, earlier versions to go back to, and what was sent.
import { get, ofDevice, post, Refusal, type ConfigModule, type Field, type Patch, type Settings } from "../api";
import { useLoad } from "../load";
import { Form } from "../parts/form";
import { Notice } from "../parts/notice";
import { useSession } from "../session";
import { Pushes } from "./pushes";
import { Versions } from "./versions";

/** What comes back when a change was sent. */
interface Sent {
  state: string;
  changed?: string[];
  ms?: number;
}

const sentText = ({ state, changed = [], ms }: Sent): string =>
  state === "done"
    ? `The device changed ${changed.join(", ") || "nothing"}${ms === undefined ? "" : ` in ${Math.round(ms)} ms`}.`
    : "Waiting until the device is online.";

export function SettingsTab({ id, isOnline }: { id: string; isOnline: boolean }) {
  const { role } = useSession(),
    fields = useLoad("settings", () => get<{ fields: Field[] }>("/api/settings")),
    config = useLoad("config/" + id, () => get<{ modules: ConfigModule[] }>(ofDevice(id, "/config")), 3000);
  const fault = fields.fault || config.fault;
  if (!fields.data || !config.data)
    return fault ? <Notice tone="bad">{fault}</Notice> : <p class="empty">Asking for the settings.</p>;
  const { modules } = config.data,
    current: Settings = Object.fromEntries(modules.map(({ module, document }) => [module, document]));
  const onSend = async (patch: Patch): Promise<string> => {
    const wait = isOnline ? {} : { wait: "online" };
    const body = { patch, by: "page", ...wait };
    const sent = await post<Sent>(ofDevice(id, "/config"), body).catch((fault: unknown) => {
      const isGrave = fault instanceof Refusal && fault.err.code === "InterlockBlocked";
      if (!isGrave || !confirm(`${fault.err.reason.replace(/; say confirm.*$/, "")}. Do it all the same?`)) throw fault;
      return post<Sent>(ofDevice(id, "/config"), { ...body, confirm: true });
    });
    config.again();
    return sentText(sent);
  };
  const whyNot = role === "write" ? "" : "Log in with the write token to change settings.",
    seen = modules.map(({ version }) => version).join();
  return (
    <>
      <section class="panel" aria-label="Settings">
        <Form
          fields={fields.data.fields}
          current={current}
          submitText={isOnline ? "Send to the device" : "Send when it is online"}
          whyNot={whyNot}
          onSend={onSend}
        />
      </section>
      <Versions key={seen} id={id} current={current} canWrite={role === "write"} onUndone={config.again} />
      <Pushes key={seen + "p"} id={id} />
    </>
  );
}
