// Earlier settings of a device: how they differ from now, and going back.
import { useState } from "preact/hooks";
import { get, ofDevice, post, reasonOf, type ConfigModule, type Settings } from "../api";
import { useLoad } from "../load";
import { Diff, type DiffRow } from "../parts/diff";
import { Notice } from "../parts/notice";
import { timeText } from "../parts/text";
import { textOf } from "../settings";

export interface VersionsProps {
  id: string;
  current: Settings;
  canWrite: boolean;
  onUndone(): void;
}

/** What going back to a version would change; secrets cannot go back. */
function backTo({ module, document }: ConfigModule, current: Settings): DiffRow[] {
  return Object.entries(document).flatMap(([key, value]) => {
    const before = textOf(current[module]?.[key]),
      after = textOf(value);
    return before === after || value === "***" ? [] : [{ name: `${module}.${key}`, before, after }];
  });
}

export function Versions({ id, current, canWrite, onUndone }: VersionsProps) {
  const { data, fault } = useLoad("versions/" + id, () =>
      get<{ versions: ConfigModule[] }>(ofDevice(id, "/config/versions")),
    ),
    [answer, setAnswer] = useState("");
  const undo = (version: number): void => {
    setAnswer("");
    post(ofDevice(id, "/config/undo"), { version }).then(onUndone, (thrown) => setAnswer(reasonOf(thrown)));
  };
  const differing = (data?.versions ?? [])
    .map((version) => ({ version, rows: backTo(version, current) }))
    .filter(({ rows }) => rows.length > 0);
  return (
    <section class="panel" aria-label="Versions">
      <h2>Earlier settings</h2>
      {(fault || answer) && <Notice tone="bad">{fault || answer}</Notice>}
      {data && differing.length === 0 && <p class="empty">None that differ from now.</p>}
      <ol class="versions">
        {differing.map(({ version: { version, module, seenAt }, rows }) => (
          <li key={version}>
            <p>
              <b>{module}</b> <span class="soft">since {timeText(seenAt)}</span>{" "}
              {canWrite && (
                <button type="button" onClick={() => undo(version)}>
                  Go back
                  <span class="unseen">
                    {" "}
                    to {module} of {timeText(seenAt)}
                  </span>
                </button>
              )}
            </p>
            <Diff rows={rows} />
          </li>
        ))}
      </ol>
    </section>
  );
}
