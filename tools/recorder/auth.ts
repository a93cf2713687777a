// Who may read and who may write: tokens in a header, or a cookie that a token was given for. A browser's requests must
// come from our page.
import { randomBytes, timingSafeEqual, createHash } from "node:crypto";

export type Role = "write" | "read";

export interface Tokens {
  write: string;
  read?: string;
}

/** Life of a login, ms. */
const LOGIN_MS = 7 * 86_400_000,
  MOST_LOGINS = 1000;
export const COOKIE = "recorder";

/** Equal, in a time that does not tell where they differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** What of a request counts. */
export interface Asker {
  authorization?: string;
  cookie?: string;
  origin?: string;
  host?: string;
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

export class Auth {
  private readonly logins = new Map<string, { role: Role; until: number }>();

  /**
   * `isOpen`: reading needs no token (only while nothing but this machine can connect). `origins`: other pages that may
   * ask.
   */
  constructor(
    private readonly tokens: Tokens,
    readonly isOpen: boolean,
    private readonly origins: string[],
    private readonly now: () => number,
  ) {}

  private roleOf(token: string): Role | null {
    if (isSame(token, this.tokens.write)) return "write";
    return this.tokens.read !== undefined && isSame(token, this.tokens.read) ? "read" : null;
  }

  /** A login for a token; its secret, null when the token is none. */
  login(token: string): { secret: string; role: Role } | null {
    const role = this.roleOf(token);
    if (!role) return null;
    const secret = randomBytes(24).toString("base64url"),
      now = this.now();
    for (const [old, { until }] of this.logins)
      if (until < now || this.logins.size >= MOST_LOGINS) this.logins.delete(old);
    this.logins.set(secret, { role, until: now + LOGIN_MS });
    return { secret, role };
  }

  logout(secret: string): void {
    this.logins.delete(secret);
  }

  /** True when the request comes from our own page, from one that was allowed, or from no page at all. */
  isFriendly({ origin, host }: Asker): boolean {
    if (origin === undefined || this.origins.includes(origin)) return true;
    return URL.canParse(origin) && new URL(origin).host === host;
  }

  /** What whoever asks may do; null: nothing. */
  roleOfRequest(asker: Asker): Role | null {
    const { authorization, cookie, host } = asker;
    if (authorization?.startsWith("Bearer ")) return this.roleOf(authorization.slice("Bearer ".length));
    const login = cookie === undefined ? undefined : this.logins.get(cookie);
    if (login && login.until > this.now() && this.isFriendly(asker)) return login.role;
    // A page of somebody else can make a name of its own point here: then the host is that name.
    return this.isOpen && LOOPBACK.test(host ?? "") && this.isFriendly(asker) ? "read" : null;
  }
}

/** The value of a cookie in a header. */
export function cookieOf(header: string | undefined, name = COOKIE): string | undefined {
  const found = header?.split(/;\s*/).find((part) => part.startsWith(name + "="));
  return found?.slice(name.length + 1);
}
