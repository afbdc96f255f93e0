/** A condition, reduced to what can be said of it without the data. */
export type Condition =
  | { readonly is: "constant"; readonly value: boolean | null }
  | { readonly is: "and" | "or"; readonly of: readonly Condition[] }
  | { readonly is: "not"; readonly of: Condition }
  /** Something that may be true or false; the same key is the same something. row: it may differ from row to row. */
  | { readonly is: "atom"; readonly key: string; readonly row: boolean }
  | { readonly is: "compare"; readonly op: "=" | "<"; readonly left: Operand; readonly right: Operand };

export type Operand =
  | { readonly is: "value"; readonly value: number | string }
  | { readonly is: "variable"; readonly key: string; readonly domain: Domain }
  | { readonly is: "arithmetic"; readonly op: string; readonly left: Operand; readonly right: Operand };

/** What values a column can have. */
export type Domain =
  | { readonly of: "text" }
  | { readonly of: "number"; readonly low: number; readonly high: number; readonly step: number };

type Value = number | string;
interface Assignment {
  readonly atoms: ReadonlyMap<string, boolean>;
  readonly variables: ReadonlyMap<string, Value>;
}

/** Combinations that are tried before giving up. */
const LIMIT = 20_000;

/**
 * Whether a condition could hold for every row alike. What does not depend on the row (a parameter of the server, whether
 * another table has rows) is assumed to be as bad as it can be: `EXISTS (SELECT 1 FROM flags)` takes all rows or none.
 * Columns are tried at the values that matter: the constants that they are compared with, and between and beyond them.
 */
export function isTrueForEveryRow(condition: Condition): boolean {
  const names = namesIn(condition);
  const fixed = [...names.atoms].filter(([, row]) => !row).map(([key]) => key);
  const free = [...names.atoms].filter(([, row]) => row).map(([key]) => key);
  const samples = [...names.variables].map(([key, { domain, near }]) => ({ key, values: sampleValues(domain, near) }));
  const size = samples.reduce((product, { values }) => product * values.length, 2 ** (fixed.length + free.length));
  if (fixed.length + free.length > 14 || size > LIMIT) return false;
  return choices(fixed).some((outside) =>
    choices(free).every((inside) => {
      const atoms = new Map([...outside, ...inside]);
      return assignments(samples).every((variables) => evaluate(condition, { atoms, variables }) === true);
    }),
  );
}

interface Names {
  readonly atoms: Map<string, boolean>;
  readonly variables: Map<string, { domain: Domain; near: Set<Value> }>;
}

function namesIn(condition: Condition, names: Names = { atoms: new Map(), variables: new Map() }): Names {
  if (condition.is === "atom") names.atoms.set(condition.key, condition.row);
  if (condition.is === "not") namesIn(condition.of, names);
  if (condition.is === "and" || condition.is === "or") for (const part of condition.of) namesIn(part, names);
  if (condition.is === "compare") {
    const operands = [...leaves(condition.left), ...leaves(condition.right)];
    const near = operands.flatMap((operand) => (operand.is === "value" ? [operand.value] : []));
    const isArithmetic = condition.left.is === "arithmetic" || condition.right.is === "arithmetic";
    for (const operand of operands) {
      if (operand.is !== "variable") continue;
      const known = names.variables.get(operand.key) ?? { domain: operand.domain, near: new Set<Value>() };
      for (const value of isArithmetic ? [...near, ...results(near), ...EVERYDAY] : near) known.near.add(value);
      names.variables.set(operand.key, known);
    }
  }
  return names;
}

const EVERYDAY = [-1000, -7, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 17, 60, 97, 1001];

/** `id * 2 + 3 <> 503` is false of one row: what comes of calculating with the constants is tried too. */
function results(near: readonly Value[]): readonly Value[] {
  const numbers = near.map(Number).filter((value) => Number.isFinite(value)).slice(0, 4);
  const combined = (some: readonly number[]): number[] => some.flatMap((a) => numbers.flatMap((b) => [a + b, a - b, b - a, a * b, a / b]));
  const once = combined(numbers);
  return [...once, ...combined([...new Set(once)].slice(0, 40))].filter((value) => Number.isFinite(value)).slice(0, 600);
}

function leaves(operand: Operand): readonly Operand[] {
  return operand.is === "arithmetic" ? [...leaves(operand.left), ...leaves(operand.right)] : [operand];
}

function sampleValues(domain: Domain, near: ReadonlySet<Value>): readonly Value[] {
  if (domain.of === "text") {
    const texts = [...near].filter((value) => typeof value === "string");
    return [...new Set(["", "\u{10ffff}\u{10ffff}", ...texts.flatMap((text) => [text, `${text}\u0001`, text.slice(0, -1)])])];
  }
  const { low, high, step } = domain;
  const numbers = [...near].map(Number).filter((value) => Number.isFinite(value));
  const around = numbers.flatMap((value) => [value - step, value, value + step]);
  const ends = [Number.isFinite(low) ? low : -1e15, Number.isFinite(high) ? high : 1e15];
  const inside = [...ends, ...around].filter((value) => value >= low && value <= high);
  return [...new Set(step === 1 ? inside.filter((value) => Number.isInteger(value)) : inside)];
}

function choices(keys: readonly string[]): readonly (readonly [string, boolean])[][] {
  return keys.reduce<(readonly [string, boolean])[][]>(
    (all, key) => all.flatMap((some) => [[...some, [key, true] as const], [...some, [key, false] as const]]),
    [[]],
  );
}

function assignments(samples: readonly { key: string; values: readonly Value[] }[]): readonly ReadonlyMap<string, Value>[] {
  return samples.reduce<ReadonlyMap<string, Value>[]>(
    (all, { key, values }) => all.flatMap((some) => values.map((value) => new Map(some).set(key, value))),
    [new Map()],
  );
}

function evaluate(condition: Condition, given: Assignment): boolean | null {
  switch (condition.is) {
    case "constant":
      return condition.value;
    case "atom":
      return given.atoms.get(condition.key) ?? false;
    case "not": {
      const value = evaluate(condition.of, given);
      return value === null ? null : !value;
    }
    case "and":
    case "or": {
      const decisive = condition.is === "or";
      const values = condition.of.map((part) => evaluate(part, given));
      if (values.includes(decisive)) return decisive;
      return values.includes(null) ? null : !decisive;
    }
    case "compare":
    default: {
      const left = valueOf(condition.left, given);
      const right = valueOf(condition.right, given);
      return condition.op === "=" ? left === right : left < right;
    }
  }
}

function valueOf(operand: Operand, given: Assignment): Value {
  if (operand.is === "value") return operand.value;
  if (operand.is === "variable") return given.variables.get(operand.key) ?? 0;
  return calculate(operand.op, Number(valueOf(operand.left, given)), Number(valueOf(operand.right, given)));
}

export function calculate(op: string, left: number, right: number): number {
  if (op === "+") return left + right;
  if (op === "-") return left - right;
  if (op === "*") return left * right;
  if (op === "%") return left % right;
  return left / right;
}
