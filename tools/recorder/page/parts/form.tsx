// A form of all settings, a group a module: checks while typing, shows what would change, and sends it.
import { useState } from "preact/hooks";
import { Refusal, reasonOf, type Field, type Patch, type Settings } from "../api";
import { changesOf, faultOf, nameOf, patchOf, textOf, type Draft } from "../settings";
import { Diff } from "./diff";
import { Input } from "./input";
import { Notice } from "./notice";

export interface FormProps {
  fields: Field[];
  /** What is set now; null: of several devices, so all is "as it is" until changed. */
  current: Settings | null;
  submitText: string;
  /** Why it cannot be sent now; "" when it can. */
  whyNot: string;
  /** Sends it; what it answers is shown. Throws a Refusal, shown at its field. */
  onSend(patch: Patch): Promise<string>;
}

interface GroupProps {
  module: string;
  fields: Field[];
  current: Settings | null;
  draft: Draft;
  refused: Record<string, string>;
  isOpen: boolean;
  onText(name: string, text: string): void;
}

function Group({ module, fields, current, draft, refused, isOpen, onText }: GroupProps) {
  const changed = changesOf(fields, draft, current).map(({ field }) => nameOf(field));
  return (
    <details class="group" open={isOpen || undefined}>
      <summary>
        {module} <span class="unit">{changed.length > 0 ? `${changed.length} changed` : fields.length}</span>
      </summary>
      {fields.map((field) => {
        const name = nameOf(field),
          typed = draft[name],
          set = current?.[field.module]?.[field.key] ?? (current ? field.default : undefined);
        const fault = typed === undefined ? "" : faultOf(field, typed);
        return (
          <Input
            key={name}
            field={field}
            text={typed ?? (current ? textOf(set) : undefined)}
            fault={fault || (refused[name] ?? "")}
            isChanged={changed.includes(name)}
            onText={(text) => onText(name, text)}
          />
        );
      })}
    </details>
  );
}

const isLike = (field: Field, search: string): boolean =>
  (nameOf(field) + " " + field.doc).toLowerCase().includes(search.toLowerCase());

interface SendingProps extends FormProps {
  draft: Draft;
  onSent(refused: Record<string, string>): void;
}

/** What would change, and the button that does it. */
function Sending({ fields, current, submitText, whyNot, onSend, draft, onSent }: SendingProps) {
  const [answer, setAnswer] = useState<{ isGood: boolean; text: string } | null>(null),
    [isBusy, setBusy] = useState(false);
  const changes = changesOf(fields, draft, current),
    faults = changes.flatMap(({ field, after }) => {
      const fault = faultOf(field, after);
      return fault ? [`${nameOf(field)} ${fault}`] : [];
    });
  const send = (): void => {
    if (faults.length > 0) return setAnswer({ isGood: false, text: faults.join("; ") });
    setBusy(true);
    onSend(patchOf(changes))
      .then(
        (text) => [setAnswer({ isGood: true, text }), onSent({})],
        (thrown) => {
          setAnswer({ isGood: false, text: reasonOf(thrown) });
          if (thrown instanceof Refusal) onSent({ [thrown.err.where]: thrown.err.reason });
        },
      )
      .finally(() => setBusy(false));
  };
  return (
    <div class="sending">
      {changes.length > 0 && (
        <Diff
          rows={changes.map(({ field, before, after }) => ({
            name: nameOf(field),
            before: field.secret ? "***" : current ? before : "as it is",
            after: field.secret ? "***" : after,
          }))}
        />
      )}
      {answer && <Notice tone={answer.isGood ? "good" : "bad"}>{answer.text}</Notice>}
      <button type="button" class="main" disabled={isBusy || changes.length === 0 || whyNot !== ""} onClick={send}>
        {isBusy ? "Sending" : submitText}
      </button>
      {whyNot && <small>{whyNot}</small>}
    </div>
  );
}

export function Form(props: FormProps) {
  const { fields, current } = props,
    [draft, setDraft] = useState<Draft>({}),
    [search, setSearch] = useState(""),
    [refused, setRefused] = useState<Record<string, string>>({});
  const onText = (name: string, text: string): void => {
    const { [name]: _before, ...others } = draft;
    // Of several devices an emptied field means: as it is.
    setDraft(current === null && text === "" ? others : { ...others, [name]: text });
    setRefused({ ...refused, [name]: "" });
  };
  const onSent = (found: Record<string, string>): void => {
    setRefused(found);
    if (Object.keys(found).length === 0) setDraft({});
  };
  const shown = fields.filter((field) => isLike(field, search)),
    modules = [...new Set(shown.map(({ module }) => module))];
  return (
    <form class="settings" onSubmit={(event) => event.preventDefault()}>
      <label class="search">
        Find a setting
        <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
      </label>
      {modules.map((module) => {
        const own = { module, fields: shown.filter((field) => field.module === module) };
        return <Group key={module} {...own} {...{ current, draft, refused, onText }} isOpen={search !== ""} />;
      })}
      <Sending {...props} draft={draft} onSent={onSent} />
    </form>
  );
}
