// The page of the recorder: where it begins.
import { render } from "preact";
import { useState } from "preact/hooks";
import { Device } from "./device/device";
import { Fleet } from "./fleet/fleet";
import { FleetLetters } from "./fleet/letters";
import { Login } from "./login";
import { Notice } from "./parts/notice";
import { Link } from "./parts/link";
import { LETTERS_TAB, usePlace } from "./route";
import { SessionContext, useOwnSession, useSession } from "./session";
import "./style.css";

function Top({ onLogin }: { onLogin(): void }) {
  const { role, logout } = useSession();
  return (
    <header class="top">
      <Link to="/" class="brand">
        Battery fleet
      </Link>
      {role === "write" ? (
        <button type="button" class="quiet" onClick={() => void logout()}>
          Log out
        </button>
      ) : (
        role && (
          <button type="button" class="quiet" onClick={onLogin}>
            Log in to change
          </button>
        )
      )}
    </header>
  );
}

function Main({ isAsking }: { isAsking: boolean }) {
  const { role, fault } = useSession(),
    { device, tab } = usePlace();
  if (fault) return <Notice tone="bad">{fault}</Notice>;
  if (role === undefined) return <p class="empty">Asking the recorder.</p>;
  if (role === null) return <Login why="The recorder prints its token when it starts." />;
  if (isAsking && role !== "write") return <Login why="Changing something needs the write token." />;
  if (device !== null) return <Device key={device} id={device} tab={tab} />;
  return tab === LETTERS_TAB ? <FleetLetters /> : <Fleet />;
}

/** To the content without a change of the address: its # names a tab. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")!.focus();
}

function App() {
  const session = useOwnSession(),
    [isAsking, setAsking] = useState(false);
  return (
    <SessionContext.Provider value={session}>
      <a class="skip" href="#main" onClick={skip}>
        To the content
      </a>
      <Top onLogin={() => setAsking(!isAsking)} />
      <main id="main" tabIndex={-1}>
        <Main isAsking={isAsking} />
      </main>
    </SessionContext.Provider>
  );
}

render(<App />, document.getElementById("app")!);
