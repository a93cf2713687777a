// Asks for the token that the recorder printed.
import { useState } from "preact/hooks";
import { reasonOf } from "./api";
import { Notice } from "./parts/notice";
import { useSession } from "./session";

export function Login({ why }: { why: string }) {
  const { login } = useSession(),
    [token, setToken] = useState(""),
    [fault, setFault] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    login(token).catch((thrown) => setFault(reasonOf(thrown)));
  };
  return (
    <form class="panel login" onSubmit={submit}>
      <h1>Log in</h1>
      <p>{why}</p>
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        autocomplete="current-password"
        required
        value={token}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      {fault && <Notice tone="bad">{fault}</Notice>}
      <button type="submit" class="main">
        Log in
      </button>
    </form>
  );
}
