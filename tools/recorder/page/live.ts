// What the recorder tells by itself: messages of the devices that are looked at, changes of the fleet.
import { useEffect, useRef, useState } from "preact/hooks";
import { io, type Socket } from "socket.io-client";
import type { FleetChange, MqttMessage } from "../live";

export interface Wanted {
  /** Changes of the list of devices, once a second. */
  fleet?(changes: FleetChange[]): void;
  /** Each message of this device. */
  device?: string;
  message?(message: MqttMessage): void;
}

/** Listen as long as the component is there. True while connected. */
export function useLive(wanted: Wanted): boolean {
  const [isConnected, setConnected] = useState(true),
    newest = useRef(wanted);
  newest.current = wanted;
  const { device } = wanted,
    isFleet = wanted.fleet !== undefined;
  useEffect(() => {
    const socket: Socket = io({ query: { watch: "none" } });
    socket.on("connect", () => {
      setConnected(true);
      if (device !== undefined) socket.emit("watch", [device]);
      if (isFleet) socket.emit("fleet", true);
    });
    socket.on("disconnect", () => setConnected(false));
    socket.on("connect_error", () => setConnected(false));
    socket.on("mqtt-message", (message: MqttMessage) => newest.current.message?.(message));
    socket.on("fleet", (changes: FleetChange[]) => newest.current.fleet?.(changes));
    return () => void socket.close();
  }, [device, isFleet]);
  return isConnected;
}
