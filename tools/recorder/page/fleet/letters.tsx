// The other half of the fleet's page: what devices told and nobody could keep.
import { Letters } from "../letters";
import { Link } from "../parts/link";
import { LETTERS_TAB, pathOf } from "../route";

export function FleetTabs({ tab }: { tab: string }) {
  return (
    <nav class="tabs" aria-label="Parts of the fleet">
      <Link to={pathOf(null)} isCurrent={tab === ""}>
        Devices
      </Link>
      <Link to={pathOf(null, LETTERS_TAB)} isCurrent={tab === LETTERS_TAB}>
        Not kept
      </Link>
    </nav>
  );
}

export function FleetLetters() {
  return (
    <>
      <h1>Fleet</h1>
      <FleetTabs tab={LETTERS_TAB} />
      <Letters />
    </>
  );
}
