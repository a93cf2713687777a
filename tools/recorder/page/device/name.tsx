// The device's name for people, and changing it.
import { useState } from "preact/hooks";
import { ofDevice, post, reasonOf } from "../api";
import { Notice } from "../parts/notice";
import { useSession } from "../session";

export function Name({ id, name }: { id: string; name: string | null }) {
  const { role } = useSession(),
    [shown, setShown] = useState(name),
    [typed, setTyped] = useState<string | null>(null),
    [fault, setFault] = useState("");
  const save = (event: Event): void => {
    event.preventDefault();
    post(ofDevice(id, "/name"), { name: typed ?? "" }).then(
      () => {
        setShown(typed || null);
        setTyped(null);
      },
      (thrown) => setFault(reasonOf(thrown)),
    );
  };
  if (typed === null)
    return (
      <h1>
        {shown ?? id}{" "}
        {role === "write" && (
          <button type="button" class="quiet" onClick={() => setTyped(shown ?? "")}>
            Rename
          </button>
        )}
      </h1>
    );
  return (
    <form class="tools" onSubmit={save}>
      <h1 class="unseen">{shown ?? id}</h1>
      <label class="search">
        Name
        <input value={typed} maxLength={60} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <button type="submit" class="main">
        Save
      </button>
      <button type="button" onClick={() => setTyped(null)}>
        Leave it
      </button>
      {fault && <Notice tone="bad">{fault}</Notice>}
    </form>
  );
}
