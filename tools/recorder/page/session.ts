// Who looks: what they may do, and logging in.
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { get, post, reasonOf, type Role } from "./api";
import { takeToken } from "./route";

export interface Session {
  /** Undefined until the recorder has answered. */
  role: Role | undefined;
  fault: string;
  /** Throws a Refusal when the token is not right. */
  login(token: string): Promise<void>;
  logout(): Promise<void>;
}

export const SessionContext = createContext<Session | null>(null);

/** The session of the page; only below the provider. */
export const useSession = (): Session => useContext(SessionContext)!;

export function useOwnSession(): Session {
  const [role, setRole] = useState<Role | undefined>(undefined),
    [fault, setFault] = useState("");
  const look = async (): Promise<void> => setRole((await get<{ role: Role }>("/api/session")).role);
  const login = async (token: string): Promise<void> =>
    setRole((await post<{ role: Role }>("/api/login", { token })).role);
  const logout = async (): Promise<void> => {
    await post("/api/logout", {});
    await look();
  };
  useEffect(() => {
    const token = takeToken();
    const begin = token === null ? look() : login(token).catch(look);
    begin.catch((thrown) => setFault(reasonOf(thrown)));
  }, []);
  return { role, fault, login, logout };
}
