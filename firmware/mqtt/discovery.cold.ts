// Home Assistant's device-based MQTT discovery, a message of up to 14 kB made piece by piece: head, one component after the
// other, end. The same pieces are counted first and sent then (spec home-assistant.md 1, 4, 6 and 8).
import { quote } from "../kernel/quote.cold";
import { textSlice } from "../kernel/text";
import { BATTERY, DONE, GATEWAY, HEAD, type Discovery } from "./discovery";
import { BATTERY_ENTITIES_AT, ENTITIES_END, GATEWAY_ENTITIES_AT } from "./entities.baked";

/** No line of an entity is longer; registers that carry cells. */
const LONGEST_LINE = 512, CELLS = 16;

function headOf(d: Discovery, id: string, base: string, version: string): string {
  const battery = d.work === BATTERY;
  return '{"dev":{"ids":["' + id + '"],"name":"TinyBMS","mf":"Enepaq","mdl":"TinyBMS","sw":"' + version + '"' + (d.url ? ',"cu":"' + d.url + '"' : "")
    + '},"o":{"name":"tinybms-gateway","sw":"' + version + '"},"avty":[{"t":"' + base + 'status","val_tpl":"'
    + "{{ 'online' if value_json.online else 'offline' }}\"}"
    + (battery ? ',{"t":"' + base + 'rt/bms"}' : "") + '],"avty_mode":"all","stat_t":"' + base + (battery ? "rt/state" : "rt/diag") + '","cmps":{';
}

/** The next component, told as gone when it is not offered; "" when there is nothing to say of this line. */
function componentOf(d: Discovery, id: string, base: string): string {
  const text = textSlice(d.line, d.line + LONGEST_LINE), end = text.indexOf("\n"), parts = text.substr(0, end).split("\t"), platform = parts[1];
  const many = parts[2].indexOf("#") >= 0, cell = many ? d.cell + 1 : 0;
  const key = parts[2].replace("#", "" + cell), known = +parts[0] <= d.level && cell <= d.cells;
  d.cell = many && cell < CELLS ? cell : 0;
  if (!d.cell) d.line += end + 1;
  if (!known && !(d.gone & d.work)) return "";
  const comma = d.comma ? "," : "";
  d.comma = true;
  if (!known) return comma + '"' + key + '":{"p":"' + platform + '"}';
  return comma + '"' + key + '":{"p":"' + platform + '","uniq_id":"' + id + "_" + key + '","def_ent_id":"' + platform + "." + id + "_" + key
    + '","name":"' + parts[3].replace("#", "" + cell) + '",' + parts[4].replaceAll("@index", "" + (cell - 1)).replace("@ccl", "" + d.cclMax)
    .replace("@dcl", "" + d.dclMax).split("~").join(base) + "}";
}

/** The next piece of the message that `d.work` names, "" behind the last. `base` is `<base>/<device>/`, `id` `tinybms_<mac6>`. */
export function discoveryPart(d: Discovery, id: string, base: string, version: string): string {
  const end = d.work === GATEWAY ? ENTITIES_END : GATEWAY_ENTITIES_AT, name = quote(base).slice(1, -1);
  let text = "";
  if (d.line === HEAD) {
    d.line = d.work === GATEWAY ? GATEWAY_ENTITIES_AT : BATTERY_ENTITIES_AT;
    d.cell = 0;
    d.comma = false;
    return headOf(d, id, name, version);
  }
  while (!text && d.line !== DONE) {
    if (d.line < end) {
      text = componentOf(d, id, name);
    } else {
      text = "}}";
      d.line = DONE;
    }
  }
  return text;
}
