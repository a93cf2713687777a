// An MQTT broker's address from a URL: mqtt://user:pass@host:port. Pure.

const DEFAULT_PORTS: Record<string, number> = { "mqtt:": 1883, "mqtts:": 8883 };

/** A broker; `host` without brackets, user and password decoded, "" when not given. */
export interface BrokerAddress {
  host: string;
  port: number;
  user: string;
  pass: string;
  isTls: boolean;
}

function decoded(part: string, what: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error(`the ${what} has a bad percent code`);
  }
}

/**
 * The broker that a URL names. Default ports 1883 and 8883, percent codes in user and password are decoded, an IPv6
 * address stands in brackets. Throws an Error whose message says what is wrong, without the URL: it may hold a
 * password.
 */
export function parseBrokerUrl(text: string): BrokerAddress {
  if (!URL.canParse(text)) throw new Error("is not a URL such as mqtt://host:1883");
  const url = new URL(text);
  const standard = DEFAULT_PORTS[url.protocol];
  if (standard === undefined) throw new Error("must begin with mqtt:// or mqtts://");
  if (url.hostname === "") throw new Error("names no host");
  if (!["", "/"].includes(url.pathname) || url.search !== "" || url.hash !== "")
    throw new Error("must end after the port");
  if (url.port === "0") throw new Error("has the port 0");
  return {
    host: decoded(url.hostname.replace(/^\[(.*)\]$/, "$1"), "host"),
    port: url.port === "" ? standard : Number(url.port),
    user: decoded(url.username, "user name"),
    pass: decoded(url.password, "password"),
    isTls: url.protocol === "mqtts:",
  };
}

/** The address for people: without the password. */
export function shownBroker({ host, port, user, isTls }: BrokerAddress): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `${isTls ? "mqtts" : "mqtt"}://${user === "" ? "" : encodeURIComponent(user) + "@"}${name}:${port}`;
}

/** The address as a URL with its login: for other programs, never to be shown. */
export function brokerUrl({ host, port, user, pass, isTls }: BrokerAddress): string {
  const login = user === "" ? "" : encodeURIComponent(user) + (pass === "" ? "" : ":" + encodeURIComponent(pass)) + "@";
  return `${isTls ? "mqtts" : "mqtt"}://${login}${host.includes(":") ? `[${host}]` : host}:${port}`;
}
