import type { JsonValue } from "../../../receipts/receipt.js";
import type { Child } from "../html.js";
import { at, listAt, numberAt, textAt, textsAt, unknownAt } from "../json.js";
import type { Shower } from "../show.js";
import { bytes, counted, facts, list, table } from "../show.js";
import { instant } from "../times.js";
import type { Draw, Sheet } from "./sheet.js";
import { caution, danger, notices } from "./sheet.js";

const EFFECTS: Readonly<Record<string, string>> = {
  destroy: "Gone for good",
  hide: "Hidden by a delete marker",
  reveal: "Delete marker removed",
};

/** From the step: exactly what would be deleted. */
export const s3DeleteSheet: Draw = ({ payload, step }, show): Sheet => {
  const objects = listAt(step, "objects");
  const bucket = textAt(step, "bucket") ?? "";
  const destroyed = objects.filter((object) => textAt(object, "effect") === "destroy").length;
  const title = objects.length === 1 ? `Delete ${textAt(objects[0], "key") ?? "an object"} from ${bucket}` : `Delete ${counted(objects.length, "object")} from ${bucket}`;
  const reversible = unknownAt(payload, "reversible");
  const reaches = textsAt(payload, "reaches");
  return {
    title,
    notices: notices(
      destroyed > 0 && destroyed < objects.length && danger(`The bytes of ${counted(destroyed, "object")} are gone for good.`),
      reversible !== undefined && danger(`Nobody knows whether this can be undone: ${reversible}.`),
      at(payload, "whole_bucket") === true && danger(`This is everything in the bucket ${bucket}.`),
      reaches.length > 1 && caution("The prefix is no folder: it reaches more than one name, as listed below."),
    ),
    sections: [
      { title: "Objects", body: table(`${counted(objects.length, "object")}, all of them`, COLUMNS, objects.map((object) => row(object, show))) },
      { title: "Where", body: whereOf(payload, step, reaches, show) },
    ],
    isComplete: true,
  };
};

const COLUMNS = [{ name: "Key" }, { name: "Size", isNumber: true }, { name: "Changed" }, { name: "Then" }, { name: "Version" }];

function row(object: JsonValue, show: Shower): readonly Child[] {
  const effect = textAt(object, "effect");
  const version = textAt(object, "delete_version") ?? textAt(object, "seen", "version_id");
  const changed = textAt(object, "seen", "last_modified");
  return [
    show.code(textAt(object, "key") ?? ""),
    bytes(numberAt(object, "seen", "size")),
    changed === undefined ? "–" : instant(changed),
    effect === undefined ? "Not known" : (EFFECTS[effect] ?? show.line(effect)),
    version === undefined ? "–" : show.code(version),
  ];
}

function whereOf(payload: JsonValue, step: JsonValue, reaches: readonly string[], show: Shower): Child {
  const prefix = textAt(payload, "prefix");
  const more = (numberAt(payload, "reaches_count") ?? 0) - reaches.length;
  const names = reaches.map((name) => show.code(name));
  return facts(
    ["Bucket", show.code(textAt(step, "bucket") ?? "")],
    ["Prefix", prefix !== undefined && show.code(prefix)],
    ["The prefix reaches", names.length > 0 && list(more > 0 ? [...names, `and ${counted(more, "more name")}, all in the list of objects`] : names)],
    ["Versioning", VERSIONING[textAt(step, "versioning") ?? ""] ?? "not known"],
    ["Together", bytes(numberAt(payload, "total_bytes"))],
  );
}

const VERSIONING: Readonly<Record<string, string>> = {
  enabled: "on: older versions stay",
  suspended: "suspended: the newest bytes may go for good",
  never: "off: what is deleted is gone",
};
