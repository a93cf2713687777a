// One setting: its name, a control that fits its type, what it means, and why its value cannot be.
import type { Field } from "../api";

export interface InputProps {
  field: Field;
  /** Undefined: not changed, and what it is now is not known. */
  text: string | undefined;
  /** What a list offers for no value. */
  emptyText?: string;
  fault: string;
  isChanged: boolean;
  onText(text: string): void;
}

type ControlProps = InputProps & { id: string };

const rangeText = ({ type, min, max, unit }: Field): string => {
  if (min === undefined && max === undefined) return unit ?? "";
  return [min ?? "", "to", max ?? "", type === "string" ? "bytes" : (unit ?? "")]
    .filter((part) => part !== "")
    .join(" ");
};

function Options({ field: { type, oneOf } }: { field: Field }) {
  const all: [string, string][] =
    type === "bool"
      ? [
          ["true", "on"],
          ["false", "off"],
        ]
      : (oneOf ?? []).map((one) => [String(one), String(one)]);
  return (
    <>
      {all.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </>
  );
}

function Control({ field, text, emptyText = "as it is", fault, onText, id }: ControlProps) {
  const common = { id, "aria-describedby": id + "-doc", "aria-invalid": fault ? ("true" as const) : undefined };
  if (field.type === "bool" || field.oneOf)
    return (
      <select {...common} value={text ?? ""} onChange={(event) => onText(event.currentTarget.value)}>
        {text === undefined || text === "" ? <option value="">{emptyText}</option> : null}
        <Options field={field} />
      </select>
    );
  const typing = {
    ...common,
    placeholder: text === undefined ? "as it is" : undefined,
    value: text ?? "",
    onInput: (event: { currentTarget: HTMLInputElement }) => onText(event.currentTarget.value),
  };
  if (field.secret) return <input {...typing} type="password" autocomplete="new-password" />;
  return <input {...typing} type="text" inputMode={field.type === "string" ? "text" : "decimal"} autocomplete="off" />;
}

export function Input(props: InputProps) {
  const { field, fault, isChanged } = props,
    id = `set-${field.module}-${field.key}`,
    range = rangeText(field);
  return (
    <div class={isChanged ? "field changed" : "field"}>
      <label for={id}>{field.key}</label>
      <Control {...props} id={id} />
      <p id={id + "-doc"}>
        {fault && <strong class="fault">{fault}. </strong>}
        {field.doc} {range && <span class="unit">{range}</span>}
      </p>
    </div>
  );
}
