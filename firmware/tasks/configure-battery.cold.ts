// The battery's settings and those of the alarms, to work with.
import { vFloat, vRebulk } from "../battery/charge-settings";
import { takeSettings } from "../battery/charge-take.cold";
import type { App } from "./app";
import { settingsOf } from "./settings.cold";

/** Where a row of 0x35A says whether the battery is online: the value for online. */
const systemStatus = ["off", "active_is_online", "ok_is_online"];

/** Ride-through needs cells between this far below v_rebulk and v_float: of lfp 3.225 and 3.375 V. */
const RIDE_MV = 75;
/** A GX that starts anew is away for minutes (Victron CAN-bus BMS protocol, 2021: 10 at least). */
const LEAST_GX_LOSS_S = 600;

function takeBattery(app: App): void {
  const battery = settingsOf(app, "battery"), bms = settingsOf(app, "bms"), can = settingsOf(app, "can");
  takeSettings(app.limits, battery, settingsOf(app, "can/limits"));
  app.can.chemistry = battery["chemistry"] === "custom" ? "" : ((battery["chemistry"] as string) || "").toUpperCase();
  app.snapshot.lowOrder = bms["cell_order"] === "low";
  app.snapshot.expectedCells = bms["expected_cells"] as number;
  app.can.gxLossMs = can["gx_loss_s"] ? Math.max(can["gx_loss_s"] as number, LEAST_GX_LOSS_S) * 1000 : 0;
  app.snapshot.rideMs = (can["ride_through_min"] as number) * 60000;
  app.snapshot.rideBelow = app.limits.settings[vFloat];
  app.snapshot.rideAbove = app.limits.settings[vRebulk] - RIDE_MV;
}

function takeAlarms(app: App): void {
  const config = settingsOf(app, "alarms"), alarms = app.alarms;
  alarms.spreadAlarm = config["imbalance_alarm"] as number * 1000;
  alarms.spreadWarning = config["imbalance_warning"] as number * 1000;
  alarms.socAlarm = config["low_soc_alarm"] as number;
  alarms.socWarning = config["low_soc_warning"] as number;
  alarms.systemStatus = systemStatus.indexOf(settingsOf(app, "can")["sys_status"] as string);
  alarms.active = 1;
}

/** Voltages, currents, where the cells are, how long a loss of the battery or of the GX is borne; what the alarms compare with. */
export function configureBattery(app: App): void {
  takeBattery(app);
  takeAlarms(app);
}
